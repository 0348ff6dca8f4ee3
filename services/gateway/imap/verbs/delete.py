"""DELETE (RFC 9051 6.3.5). What lies below it stays. Who has it selected here has nothing selected then."""

from __future__ import annotations

from services.gateway.imap import folders, selecting
from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    mailbox = await folders.find(session, request.args.mailbox)
    await session.account.delete(mailbox.id)
    session.known.pop(mailbox.name, None)
    if session.selected is not None and session.selected.mailbox.id == mailbox.id:
        await selecting.leave(session)
    return Reply(text="DELETE completed")
