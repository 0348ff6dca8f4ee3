"""A mailbox is selected, looked at again, and left (RFC 9051 6.3.2, RFC 3501 6.3.1, RFC 7162 3.2.5).

The columns come page by page, and never more than one page of objects is held. What the client is told is what was loaded:
EXISTS counts the columns, HIGHESTMODSEQ was read before the first page, UIDNEXT with the last one.

The view says all that SELECT needs, also whether a remembered id still has the name, and it takes nothing: so that is one
call, and a second one where something is recent, which is from then on nobody else's.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import structlog

from services.gateway.imap import folders, qresync
from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.selected import Selected
from services.gateway.imap.status import identity
from services.gateway.imap.watch import EVERYTHING
from yubin.errors import Failure, Internal, NotFound
from yubin.imap import codes, listing, responses
from yubin.imap import flags as shown
from yubin.imap.commands.select import Args
from yubin.imap.responses import UNTAGGED
from yubin.mailboxes.names import canonical
from yubin.mailboxes.packed import lowest
from yubin.mailboxes.port import View

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from services.gateway.imap.session import Session

log = structlog.get_logger()
CLEANING = 5.0  # seconds at most, behind a client that has left
_SEEN = bytes([octet & shown.SEEN for octet in range(256)])


async def select(session: Session, args: Args, *, read_only: bool) -> Reply:
    """A SELECT that fails leaves nothing selected (RFC 9051 6.3.2)."""
    if args.qresync is not None and not session.qresync:
        raise BadCommand("ENABLE QRESYNC first")  # RFC 7162 3.2.5
    await leave(session)
    if args.condstore:
        session.enable("CONDSTORE")
    selected, unseen = await _opened(session, canonical(args.mailbox), read_only=read_only)
    if not read_only:
        await _take_recent(session, selected)
    _announce(session, selected, unseen)
    session.selected = selected
    selected.looked = session.house.clock()
    if args.qresync is not None:
        await qresync.tell(session, selected, args.qresync)
    return Reply(
        text="EXAMINE completed" if read_only else "SELECT completed",
        code=codes.READ_ONLY if read_only else codes.READ_WRITE,
    )


async def _opened(session: Session, wanted: str, *, read_only: bool) -> tuple[Selected, int]:
    """And the number of the first message that is not seen, or 0. Raises No [NONEXISTENT]."""
    known = folders.remembered(session, wanted)
    opened = None if known is None else await _load(session, known, wanted, read_only=read_only)
    if opened is None:
        found = await folders.listed(session, wanted)
        opened = await _load(session, found.id, wanted, read_only=read_only)
    if opened is None:
        raise No("There is no such mailbox", codes.NONEXISTENT)
    return opened


async def _load(
    session: Session, mailbox_id: int, wanted: str, *, read_only: bool
) -> tuple[Selected, int] | None:
    """None where there is no such mailbox, or it has another name by now."""
    session.watched().looked(mailbox_id)
    selected, unseen = None, 0
    pages = cast("AsyncGenerator[View, None]", session.account.view(mailbox_id))
    try:
        async with aclosing(pages):
            async for page in pages:
                if selected is None:
                    if page.state.name != wanted:
                        return None
                    selected = Selected(page.state, read_only=read_only)
                    selected.modseq = page.state.modseq
                if not unseen:
                    unseen = _unseen(page, len(selected))
                selected.load(page)
                selected.mailbox, selected.keywords = page.state, tuple(page.keywords)
    except NotFound:
        return None
    if selected is None:
        raise Internal("a mailbox has a page")
    selected.mailbox = replace(selected.mailbox, modseq=selected.modseq)
    selected.recent_from = selected.mailbox.first_recent
    selected.told, selected.new_from = len(selected), selected.mailbox.uidnext
    return selected, unseen


async def _take_recent(session: Session, selected: Selected) -> None:
    """What is recent here is so for nobody else (RFC 3501 2.3.2): who comes first has it. Raises No, Failure."""
    if selected.mailbox.first_recent >= selected.mailbox.uidnext:
        return
    try:
        taken = await session.account.select(selected.mailbox.id)
    except NotFound as gone:
        raise No("There is no such mailbox", codes.NONEXISTENT) from gone
    selected.recent_from = taken.first_recent


def _unseen(page: View, before: int) -> int:
    at = lowest(page.flags).translate(_SEEN).find(0)
    return before + at + 1 if at >= 0 else 0


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
