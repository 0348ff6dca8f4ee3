"""EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1): what is marked as deleted goes, and is told at once."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from services.gateway.imap.writing import highest, writable
from yubin.imap.commands.expunge import Args
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    selected = writable(session)
    uids = None if args.set is None else selected.resolve(args.set, True)
    if uids == []:
        return Reply(text="EXPUNGE completed")
    gone = await session.account.expunge(selected.mailbox.id, uids)
    selected.expunged(session, gone.uids)
    return Reply(text="EXPUNGE completed", code=await highest(session, gone.modseq) if gone.uids else "")
