"""COPY and UID COPY (RFC 9051 6.4.7): all or none of the messages that are there; COPYUID says which (RFC 4315 3)."""

from __future__ import annotations

from services.gateway.imap import folders
from services.gateway.imap.replies import No, Reply
from services.gateway.imap.session import Session
from yubin.errors import NotFound
from yubin.imap import codes
from yubin.imap.commands.copy import Args
from yubin.imap.events import Request
from yubin.mailboxes.port import Copied


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    uids = session.box.resolve(args.set, request.uid)
    copied = await transfer(session, uids, args.mailbox, move=False)
    if copied is None:
        return Reply(text="No messages to copy")
    return Reply(
        text="COPY completed", code=codes.copyuid(copied.uidvalidity, copied.sources, copied.targets)
    )


async def transfer(session: Session, uids: list[int], name: str, *, move: bool) -> Copied | None:
    """None where there was nothing to do, which for UIDs is no error (RFC 9051 6.4.9).

    Raises No [TRYCREATE]; [EXPUNGEISSUED] where none of the messages is there any more (RFC 2180 4.4).
    """
    target = await folders.target(session, name)
    if not uids:
        return None
    selected = session.box
    try:
        copied = await session.account.copy(selected.mailbox.id, uids, target, move=move)
    except NotFound as gone:
        raise No("There is no such mailbox", codes.TRYCREATE) from gone
    if target == selected.mailbox.id or len(copied.sources) < len(uids):
        selected.stale = True
    if not copied.sources:
        raise No("The messages are gone", codes.EXPUNGEISSUED)
    return copied
