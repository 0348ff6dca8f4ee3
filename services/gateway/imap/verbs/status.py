"""STATUS (RFC 9051 6.3.11)."""

from __future__ import annotations

from services.gateway.imap import folders, status
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.commands.status import Args
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    mailbox = await folders.find(session, args.mailbox)
    session.write(await status.response(session, mailbox, args.items))
    return Reply(text="STATUS completed")
