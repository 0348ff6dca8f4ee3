"""NOTIFY (RFC 5465): what the client wants to be told of, whatever it does."""

from __future__ import annotations

from services.gateway.imap import notify
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    await notify.begin(session, request.args)
    return Reply(text="NOTIFY completed")
