"""CLOSE (RFC 9051 6.4.1): what is marked as deleted goes without a word; after EXAMINE nothing does."""

from __future__ import annotations

from contextlib import suppress

from services.gateway.imap import selecting
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.errors import NotFound
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    if not session.box.read_only:
        with suppress(NotFound):  # the whole mailbox is gone
            await session.account.expunge(session.box.mailbox.id, None)
    await selecting.leave(session, told=True)
    return Reply(text="CLOSE completed")
