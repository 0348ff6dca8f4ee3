"""STARTTLS (RFC 9051 6.2.1): behind the OK comes the handshake; what came in clear is forgotten (RFC 3501 6.2.1)."""

from __future__ import annotations

from services.gateway.imap.replies import BadCommand, Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    if session.connection.tls:
        raise BadCommand("TLS is active already")
    if not session.house.starttls:
        raise BadCommand("There is no certificate")
    return Reply(text="Begin TLS negotiation now", then=session.start_tls)
