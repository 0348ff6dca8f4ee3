"""UNAUTHENTICATE (RFC 8437): back to before the login; TLS stays, compression and what was enabled do not."""

from __future__ import annotations

from services.gateway.imap import auth, selecting
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    auth.left(session)
    await selecting.end(session)
    session.forget()
    return Reply(text="UNAUTHENTICATE completed", then=session.uncompress)
