"""GETQUOTAROOT (RFC 9208 4.1.3)."""

from __future__ import annotations

from services.gateway.imap import folders
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from services.gateway.imap.verbs import getquota
from yubin.imap import quota
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    mailbox = await folders.find(session, request.args.mailbox)
    limited = session.quota > 0
    session.write(quota.quotaroot(mailbox.name, utf8=session.utf8, limited=limited))
    if limited:
        session.write(await getquota.usage(session))
    return Reply(text="GETQUOTAROOT completed")
