"""MOVE and UID MOVE (RFC 9051 6.4.8, RFC 6851): one transaction, so that no message is ever in both or in none (CASES H10)."""

from __future__ import annotations

from services.gateway.imap.replies import Reply
from services.gateway.imap.session import Session
from services.gateway.imap.verbs.copy import transfer
from services.gateway.imap.writing import highest, writable
from yubin.imap import codes, responses
from yubin.imap.commands.move import Args
from yubin.imap.events import Request


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    selected = writable(session)
    moved = await transfer(session, selected.resolve(args.set, request.uid), args.mailbox, move=True)
    if moved is None:
        return Reply(text="No messages to move")
    code = codes.copyuid(moved.uidvalidity, moved.sources, moved.targets)
    session.write(responses.ok(responses.UNTAGGED, "Moved", code))  # before EXPUNGE: RFC 6851 4.3
    selected.expunged(session, moved.sources)
    return Reply(text="MOVE completed", code=await highest(session, moved.modseq))
