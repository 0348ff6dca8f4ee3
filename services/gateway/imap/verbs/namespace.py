"""NAMESPACE (RFC 2342, RFC 9051 6.3.10)."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap import listing
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    session.write(listing.namespace())
    return Reply(text="NAMESPACE completed")
