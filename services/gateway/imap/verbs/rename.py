"""RENAME (RFC 9051 6.3.6): with all that lies below; of INBOX, its messages move."""

from __future__ import annotations

from services.gateway.imap import folders
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.commands.rename import Args
from yubin.imap.events import Request
from yubin.mailboxes.names import SEPARATOR, canonical


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    target = canonical(args.target.removesuffix(SEPARATOR))
    mailbox = await folders.find(session, args.source)
    await session.account.rename(mailbox.id, target)
    session.known.clear()
    if session.selected is not None:
        session.selected.stale = True
    return Reply(text="RENAME completed")
