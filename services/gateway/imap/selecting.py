"""A mailbox is selected, looked at again, and left (RFC 9051 6.3.2, RFC 3501 6.3.1, RFC 7162 3.2.5).

The columns come page by page, and never more than one page of objects is held. What the client is told is what was loaded:
EXISTS counts the columns, HIGHESTMODSEQ was read before the first page, UIDNEXT with the last one.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from services.gateway.imap import folders, qresync
from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.selected import Selected
from services.gateway.imap.status import identity
from services.gateway.imap.watch import EVERYTHING
from yubin.errors import Failure, NotFound
from yubin.imap import codes, listing, responses
from yubin.imap import flags as shown
from yubin.imap.commands.select import Args
from yubin.imap.responses import UNTAGGED
from yubin.mailboxes.port import Mailbox, View

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

log = structlog.get_logger()
CLEANING = 5.0  # seconds at most, behind a client that has left


async def select(session: Session, args: Args, *, read_only: bool) -> Reply:
    """A SELECT that fails leaves nothing selected (RFC 9051 6.3.2)."""
    if args.qresync is not None and not session.qresync:
        raise BadCommand("ENABLE QRESYNC first")  # RFC 7162 3.2.5
    await leave(session)
    if args.condstore:
        session.enable("CONDSTORE")
    mailbox = await _named(session, args.mailbox, read_only=read_only)
    session.watched().looked(mailbox.id)
    selected = Selected(mailbox, read_only=read_only)
    unseen = await _load(session, selected)
    _announce(session, selected, unseen)
    session.selected = selected
    selected.looked = session.house.clock()
    if args.qresync is not None:
        await qresync.tell(session, selected, args.qresync)
    return Reply(
        text="EXAMINE completed" if read_only else "SELECT completed",
        code=codes.READ_ONLY if read_only else codes.READ_WRITE,
    )


async def _named(session: Session, name: str, *, read_only: bool) -> Mailbox:
    """Only INBOX is selected without a look: of a name that another mailbox has by now nothing recent would be taken."""
    if read_only:
        return await folders.find(session, name)
    known = folders.INBOX_ID if folders.is_inbox(name) else (await folders.find(session, name)).id
    try:
        return await session.account.select(known)
    except NotFound as gone:
        raise No("There is no such mailbox", codes.NONEXISTENT) from gone


async def _load(session: Session, selected: Selected) -> int:
    """The columns; gives the number of the first message that is not seen, or 0."""
    unseen, state, first = 0, selected.mailbox, True
    async for page in session.account.view(selected.mailbox.id):
        if first:
            selected.modseq, first = page.state.modseq, False
        if not unseen:
            unseen = _unseen(page, len(selected))
        selected.load(page)
        state, selected.keywords = page.state, tuple(page.keywords)
    selected.mailbox = replace(state, modseq=selected.modseq)
    selected.told, selected.new_from = len(selected), state.uidnext
    return unseen


def _unseen(page: View, before: int) -> int:
    for at, bits in enumerate(page.flags):
        if not bits & shown.SEEN:
            return before + at + 1
    return 0


def _announce(session: Session, selected: Selected, unseen: int) -> None:
    """RFC 9051 6.3.2; RECENT and UNSEEN are of IMAP4rev1 only."""
    mailbox, names = selected.mailbox, [*shown.SYSTEM, *selected.keywords]
    session.write(responses.flags(names))
    permanent = codes.permanentflags([] if selected.read_only else names, new=not selected.read_only)
    _ok(session, "Flags that are kept", permanent)
    session.write(responses.exists(len(selected)))
    if session.rev2:
        session.write(listing.list_(mailbox.name, [], utf8=session.utf8))
    else:
        session.write(responses.recent(selected.recent))
        if unseen:
            _ok(session, "First unseen message", codes.unseen(unseen))
    _ok(session, "UIDs are valid", codes.uidvalidity(mailbox.uidvalidity))
    _ok(session, "Next UID", codes.uidnext(mailbox.uidnext))
    _ok(session, "Highest mod-sequence", codes.highestmodseq(max(1, mailbox.modseq)))
    _ok(session, "Mailbox identity", codes.mailboxid(identity(mailbox)))


def _ok(session: Session, text: str, code: str) -> None:
    session.write(responses.ok(UNTAGGED, text, code))


def tell_modseq(session: Session) -> None:
    """When CONDSTORE is switched on while a mailbox is selected (RFC 7162 3.1)."""
    if session.selected is not None:
        modseq = max(1, session.selected.modseq)
        _ok(session, "Highest mod-sequence", codes.highestmodseq(modseq))


async def refresh(session: Session, *, expunges: bool) -> None:
    """What is new in the selected mailbox. Raises NotFound when it is gone, Failure; then it is looked at again."""
    selected, watching = session.box, session.watched()
    watching.looked(selected.mailbox.id)
    watching.looked(EVERYTHING)
    selected.stale = True
    await selected.sync(session, expunges)
    selected.stale, selected.looked, selected.own = False, session.house.clock(), ()


async def leave(session: Session, *, told: bool = False) -> None:
    """Nothing is selected any more; by SELECT the client is told so (RFC 7162 3.2.11), by CLOSE it knows."""
    selected, session.selected = session.selected, None
    if selected is None:
        return
    await _claim(session, selected)
    if not told:
        _ok(session, "The previous mailbox is closed", codes.CLOSED)


async def _claim(session: Session, selected: Selected) -> None:
    """What came while it was selected here is recent for nobody else (RFC 3501 2.3.2)."""
    if selected.read_only or session.rev2 or not selected.uids or selected.uids[-1] < selected.new_from:
        return
    try:
        async with asyncio.timeout(CLEANING):
            await session.account.select(selected.mailbox.id)
    except (Failure, TimeoutError):
        log.info("What was recent here may be so again.", action="imap")


async def end(session: Session) -> None:
    """However the session ends: UNAUTHENTICATE, LOGOUT, or a connection that is lost."""
    visit = session.visit
    if visit is None:
        return
    try:
        await leave(session, told=True)
    finally:
        if session.watching is not None:
            session.watching.close()
        session.watching = session.visit = session.notify = None
        session.known.clear()
        await visit.end()
