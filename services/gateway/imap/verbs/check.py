"""CHECK (RFC 3501 6.4.1): nothing waits to be written here, so it is NOOP."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    return Reply(text="CHECK completed")
