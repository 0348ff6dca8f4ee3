"""STORE and UID STORE (RFC 9051 6.4.6), with UNCHANGEDSINCE (RFC 7162 3.1.3).

Each message's flags are told as the mailbox has them by now, so that nothing of what others did meanwhile is lost. With
.SILENT only what the client could not expect is told, and its new MODSEQ where it knows of such.

A message that is gone has changed since: with UNCHANGEDSINCE it is among those that MODIFIED names, so that a client which
takes all others for done is right. Without, the command ends with OK [EXPUNGEISSUED] (RFC 2180 4.2.1, as with FETCH).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.gateway.imap import selecting
from services.gateway.imap.ahead import batches
from services.gateway.imap.replies import Reply
from services.gateway.imap.selected import Selected
from services.gateway.imap.session import Session
from services.gateway.imap.writing import writable
from yubin.imap import codes
from yubin.imap import flags as shown
from yubin.imap.commands.store import Args
from yubin.imap.events import Request
from yubin.mailboxes.flags import changed
from yubin.mailboxes.port import How, Stored

BATCH = 5000  # messages of one transaction
HOW = {"": How.REPLACE, "+": How.ADD, "-": How.REMOVE}


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    selected = writable(session)
    uids = selected.resolve(args.set, request.uid)
    if args.unchanged_since is not None and not session.condstore:  # RFC 7162 3.1
        session.enable("CONDSTORE")
        selecting.tell_modseq(session)
    modified: list[int] = []
    gone = 0
    for some in batches(uids, BATCH):
        stored = await _store(session, selected, some, args)
        _tell(session, stored, args, uid=request.uid)
        left = set(some).difference(stored.uids)
        modified += sorted(left) if args.unchanged_since is not None else []
        gone += len(left)
        await session.breathe()
        await asyncio.sleep(0)
    if modified:
        selected.stale = True  # what others have made of them is told behind this
        numbers = modified if request.uid else [selected.seq(uid) for uid in modified if selected.seq(uid)]
        return Reply(text="Some of the messages have changed", code=codes.modified(numbers))
    if gone:
        return Reply(text="Some of the messages are gone", code=codes.EXPUNGEISSUED)
    return Reply(text="STORE completed")


async def _store(session: Session, selected: Selected, uids: Sequence[int], args: Args) -> Stored:
    return await session.account.store(
        selected.mailbox.id,
        uids,
        HOW[args.how],
        frozenset(map(shown.canonical, args.flags)),
        unchanged_since=args.unchanged_since,
    )


def _tell(session: Session, stored: Stored, args: Args, *, uid: bool) -> None:
    selected = session.box
    selected.tell_keywords(session, tuple(stored.keywords))
    told = [
        (at, bits, modseq)
        for one, bits, modseq in zip(stored.uids, stored.flags, stored.modseqs, strict=True)
        if (at := selected.place(one)) >= 0
    ]
    before = {at: (selected.flags[at], selected.modseqs[at]) for at, _, _ in told}
    selected.note(stored.uids, stored.flags, stored.modseqs)
    if not args.silent:
        _flags(session, [at for at, _, _ in told], uid=uid)
        return
    wanted = sum({shown.bit(name, selected.keywords) for name in args.flags})
    surprising = [at for at, bits, _ in told if bits != changed(HOW[args.how], before[at][0], wanted)]
    _flags(session, surprising, uid=uid)
    if session.condstore:
        apart = set(surprising)
        _modseqs(session, [at for at, _, m in told if m != before[at][1] and at not in apart], uid=uid)


def _flags(session: Session, places: Sequence[int], *, uid: bool) -> None:
    selected = session.box
    session.write(
        shown.lines(
            [at + 1 for at in places],
            [selected.uids[at] for at in places],
            [selected.flags[at] for at in places],
            selected.keywords,
            uid=uid or session.rev2,  # RFC 9051 6.4.9, 7.5.2
            modseqs=[selected.modseqs[at] for at in places] if session.condstore else None,
            recent_from=shown.NO_RECENT if session.rev2 else selected.recent_from,
        )
    )


def _modseqs(session: Session, places: Sequence[int], *, uid: bool) -> None:
    """RFC 7162 3.1.3: also behind .SILENT."""
    selected = session.box
    for at in places:
        name = b"UID %d " % selected.uids[at] if uid or session.rev2 else b""
        session.write(b"* %d FETCH (%bMODSEQ (%d))\r\n" % (at + 1, name, selected.modseqs[at]))
