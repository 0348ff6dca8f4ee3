"""THREAD and UID THREAD (RFC 5256 3): ORDEREDSUBJECT and REFERENCES."""

from __future__ import annotations

from time import time

from services.gateway.imap.ordering import threaded
from services.gateway.imap.replies import Reply
from services.gateway.imap.searching import find
from services.gateway.imap.session import Session
from yubin.imap.commands.thread import Args
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    places = await find(session, args.key, time())
    session.write(await threaded(session, places, args.algorithm, uid=request.uid))
    return Reply(text="THREAD completed")
