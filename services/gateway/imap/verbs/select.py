"""SELECT (RFC 9051 6.3.2)."""

from __future__ import annotations

from services.gateway.imap import selecting
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    return await selecting.select(session, request.args, read_only=False)
