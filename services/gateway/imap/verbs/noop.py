"""NOOP (RFC 9051 6.1.2): what is new is told behind it (states.py)."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    return Reply(text="NOOP completed")
