"""UNSUBSCRIBE (RFC 9051 6.3.8)."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request
from yubin.mailboxes.names import canonical


async def handle(session: Session, request: Request) -> Reply:
    await session.account.subscribe(canonical(request.args.mailbox), False)
    return Reply(text="UNSUBSCRIBE completed")
