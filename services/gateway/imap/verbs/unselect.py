"""UNSELECT (RFC 3691, RFC 9051 6.4.2): as CLOSE, and nothing is removed."""

from __future__ import annotations

from services.gateway.imap import selecting
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    await selecting.leave(session, told=True)
    return Reply(text="UNSELECT completed")
