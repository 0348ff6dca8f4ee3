"""What has changed in the selected mailbox, in the order in which a client may hear it (RFC 9051 5.2, 7.4, 7.5).

    FLAGS, PERMANENTFLAGS       keywords that are new, before anything that has them
    EXPUNGE … or VANISHED       what is gone; from the highest number down (7.5.1: not while FETCH, STORE, SEARCH run)
    FETCH (UID FLAGS MODSEQ)    what was changed by others, page by page
    EXISTS, RECENT              what is new

The mailbox pod says what changed after the MODSEQ that is known here: repeats are recognized by their MODSEQ, gaps never
come. Where it does not remember all that was expunged (RFC 7162 3.2.5.1) the whole mailbox is compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from yubin.imap import codes, responses
from yubin.imap import flags as shown
from yubin.mailboxes.packed import narrow
from yubin.mailboxes.port import View

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from services.gateway.imap.selected import Selected
    from services.gateway.imap.session import Session


async def sync(selected: Selected, session: Session, *, expunges: bool) -> None:
    """Raises NotFound when the mailbox is gone, Unavailable; what was told until then is true."""
    tell_pending(selected, session, expunges=expunges)
    try:
        if not await _follow(selected, session, expunges=expunges):
            await _compare(selected, session, expunges=expunges)
    finally:
        tell_new(selected, session)


async def _follow(selected: Selected, session: Session, *, expunges: bool) -> bool:
    """What changed since the last time. False when nobody knows any longer what was expunged."""
    modseq = None
    view = session.account.view(selected.mailbox.id, since=selected.modseq)
    async with aclosing(cast("AsyncGenerator[View, None]", view)) as pages:
        async for page in pages:
            if modseq is None:
                if page.expunged is None:
                    return False
                modseq = page.state.modseq
                _lost(selected, session, page.expunged, expunges=expunges)
            _changed(selected, session, page)
            await session.breathe()
            last = page
    if modseq is not None:
        _known(selected, modseq, last)
    return True


async def _compare(selected: Selected, session: Session, *, expunges: bool) -> None:
    """With everything that is there."""
    there = array("I")
    modseq = None
    async for page in session.account.view(selected.mailbox.id):
        modseq = page.state.modseq if modseq is None else modseq
        there.extend(narrow(page.uids))
        _changed(selected, session, page)
        await session.breathe()
        last = page
    if modseq is not None:
        _lost(selected, session, set(selected.uids).difference(there), expunges=expunges)
        _known(selected, modseq, last)


def _known(selected: Selected, modseq: int, page: View) -> None:
    """``modseq`` was read before all that has been told."""
    selected.mailbox = page.state
    selected.modseq = max(selected.modseq, modseq)


def _lost(selected: Selected, session: Session, uids: Iterable[int], *, expunges: bool) -> None:
    if expunges:
        tell_expunged(selected, session, uids)
        return
    held = {uid for uid in uids if selected.place(uid) >= 0}
    if held and not selected.gone:
        selected.reach = selected.modseq
    selected.gone |= held


def _changed(selected: Selected, session: Session, page: View) -> None:
    """FETCH for those that the client knows; new ones are only taken in."""
    tell_keywords(selected, session, page.keywords)
    highest = selected.uids[-1] if selected.uids else 0
    places: list[int] = []
    for uid, bits, modseq, size in zip(page.uids, page.flags, page.modseqs, page.sizes, strict=True):
        if uid > highest:
            selected.uids.append(uid)
            selected.flags.append(bits)
            selected.modseqs.append(modseq)
            selected.sizes.append(size)
            continue
        at = selected.place(uid)
        if at < 0 or selected.modseqs[at] >= modseq:  # told already
            continue
        if selected.flags[at] != bits or session.condstore:
            places.append(at)
        selected.flags[at], selected.modseqs[at] = bits, modseq
    tell_flags(selected, session, places)


def tell_flags(selected: Selected, session: Session, places: list[int]) -> None:
    """``places`` are indexes, ascending."""
    if not places:
        return
    session.write(
        shown.lines(
            [at + 1 for at in places],
            [selected.uids[at] for at in places],
            [selected.flags[at] for at in places],
            selected.keywords,
            uid=session.condstore or session.rev2,  # RFC 7162 3.2.4, RFC 9051 7.5.2
            modseqs=[selected.modseqs[at] for at in places] if session.condstore else None,
            recent_from=shown.NO_RECENT if session.rev2 else selected.recent_from,
        )
    )


def tell_pending(selected: Selected, session: Session, *, expunges: bool) -> None:
    """What was expunged while nobody could be told."""
    if expunges and selected.gone:
        tell_expunged(selected, session, set(selected.gone))


def tell_reach(selected: Selected, session: Session) -> None:
    """RFC 7162 3.2: a client takes the MODSEQs that it has seen for all there is. Not while an expunge before them is held
    back, or when what is new could not be told.
    """
    if session.qresync and (selected.gone or selected.stale):
        modseq = selected.reach if selected.gone else selected.modseq
        code = codes.highestmodseq(max(1, modseq))
        session.write(responses.ok(responses.UNTAGGED, "All changes up to here were told", code))


def tell_expunged(selected: Selected, session: Session, uids: Iterable[int]) -> None:
    known = sorted({uid for uid in uids if selected.place(uid) >= 0})
    if not known:
        return
    numbers = selected.drop(known)
    if session.qresync:
        session.write(responses.vanished(known))
    else:
        session.write(b"".join([responses.expunge(number) for number in reversed(numbers)]))


def tell_keywords(selected: Selected, session: Session, keywords: tuple[str, ...]) -> None:
    if keywords == selected.keywords:
        return
    selected.keywords = tuple(keywords)
    names = [*shown.SYSTEM, *keywords]
    session.write(responses.flags(names))
    if not selected.read_only:
        session.write(responses.ok(responses.UNTAGGED, "Flags that are kept", codes.permanentflags(names)))


def tell_new(selected: Selected, session: Session) -> None:
    """EXISTS counts what is gone and not told yet too; RECENT is not for IMAP4rev2 (RFC 9051 E)."""
    if len(selected) == selected.told:
        return
    selected.told = len(selected)
    session.write(responses.exists(selected.told))
    if not session.rev2:
        session.write(responses.recent(selected.recent))
