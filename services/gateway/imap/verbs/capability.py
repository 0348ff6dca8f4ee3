"""CAPABILITY (RFC 9051 6.1.1)."""

from __future__ import annotations

from services.gateway.imap import capability
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap import responses
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    session.write(responses.capability(capability.names(session)))
    return Reply(text="CAPABILITY completed")
