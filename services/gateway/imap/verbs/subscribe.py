"""SUBSCRIBE (RFC 9051 6.3.7). The mailbox need not exist."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request
from yubin.mailboxes.names import canonical


async def handle(session: Session, request: Request) -> Reply:
    await session.account.subscribe(canonical(request.args.mailbox), True)
    return Reply(text="SUBSCRIBE completed")
