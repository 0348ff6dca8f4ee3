"""REPLACE and UID REPLACE (RFC 8508): a letter comes, and another one goes; both or neither.

The new one is appended first, and expunged again when the old one cannot go: for a moment both are there, never none.
"""

from __future__ import annotations

from services.gateway.imap import appending
from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.session import Session
from services.gateway.imap.writing import highest, writable
from yubin.errors import Failure
from yubin.imap import codes, responses
from yubin.imap.commands.replace import Args
from yubin.imap.events import Message, Request
from yubin.imap.sets import SequenceSet


async def handle(session: Session, request: Request) -> Reply:  # noqa: ARG001
    raise BadCommand("REPLACE needs a letter")


async def receive(session: Session, message: Message) -> Reply:
    try:
        selected = writable(session)
        uid = _old(session, message)
    except (No, BadCommand):
        session.reader.refuse()
        raise
    appended = await appending.receive(session, message)
    try:
        gone = await session.account.expunge(selected.mailbox.id, [uid], only_deleted=False)
    except Failure:
        await session.account.expunge(appended.mailbox_id, appended.uids, only_deleted=False)
        raise
    session.write(responses.ok(responses.UNTAGGED, "Replaced", appended.code))  # RFC 8508 3.4
    selected.expunged(session, gone.uids)
    appending.tell(session, appended)
    if not gone.uids:  # another was faster, and is told behind this
        selected.stale = True
        return Reply(text="REPLACE completed")
    return Reply(text="REPLACE completed", code=await highest(session, gone.modseq))


def _old(session: Session, message: Message) -> int:
    """Raises BadCommand for a message number, No for a UID that is not there (RFC 8508 3.3)."""
    args: Args = message.args_so_far
    wanted = SequenceSet(ranges=((args.number, args.number),))
    uids = session.box.resolve(wanted, message.uid)
    if not uids:
        raise No("There is no such message", codes.NONEXISTENT)
    return uids[0]
