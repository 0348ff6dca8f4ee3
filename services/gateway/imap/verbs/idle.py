"""IDLE (RFC 2177, RFC 9051 6.3.13): the client waits and is told what happens, until it says DONE.

News come as nudges of the connection (watch.py): a session that idles has no task and no timer of its own for them.
"""

from __future__ import annotations

import structlog

from services.gateway.imap import selecting
from services.gateway.imap.replies import BadCommand, Reply
from services.gateway.imap.session import Session, Unintelligible
from yubin.errors import Failure, NotFound
from yubin.imap import responses
from yubin.imap.events import Broken, Line, Request

log = structlog.get_logger()


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    session.write(responses.continuation(b"idling"))
    session.reader.raw(True)
    try:
        line = await _line(session)
    finally:
        session.reader.raw(False)
        if session.watching is not None:
            session.watching.rest()
    if line.strip().upper() != b"DONE":
        raise BadCommand("DONE was expected")
    return Reply(text="IDLE completed")


async def _line(session: Session) -> bytes:
    await _tell(session)  # what happened before it idled
    while True:
        event = session.reader.next()
        if isinstance(event, Line):
            return event.octets
        if isinstance(event, Broken):
            raise Unintelligible(event)
        if not await session.more():
            await _tell(session)


async def _tell(session: Session) -> None:
    """And listens on, for what comes behind that."""
    if session.notify is not None:
        await session.notify.listen(session, idle=True)
    elif session.selected is not None and session.watching is not None:
        await _look(session)
        session.watching.listen({session.box.mailbox.id: session.box.modseq})


async def _look(session: Session) -> None:
    try:
        await selecting.refresh(session, expunges=True)
    except NotFound as gone:
        raise Unintelligible(Broken("The selected mailbox was deleted")) from gone
    except Failure as failure:  # the next comparison finds it again
        log.info("What is new was not told.", action="imap", why=failure.text)
