"""SELECT … (QRESYNC …): what a client has missed since it was last here (RFC 7162 3.2.5).

The mailbox pod says which UIDs were expunged after the client's MODSEQ. Where it has forgotten that, everything that the
client may know and that is not here is said to be gone; its sample of message numbers and UIDs (3.2.5.2) then tells from
where on that matters. Flags that changed come from the columns, which SELECT has just loaded. Sets are made as ranges, so
that a client who claims to know four thousand million UIDs costs no more than what the mailbox has.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from services.gateway.imap import updates
from services.gateway.imap.selected import Selected
from yubin.imap.commands.select import QResync
from yubin.imap.sets import SequenceSet

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from services.gateway.imap.session import Session
    from yubin.mailboxes.port import View

LINE = 8000  # octets of a set in one response (RFC 7162 4)
CHUNK = 5000  # FETCH responses between two breaths
Range = tuple[int, int]


async def tell(session: Session, selected: Selected, asked: QResync) -> None:
    """Nothing, where the client's UIDs mean other messages by now (another UIDVALIDITY)."""
    if asked.uidvalidity != selected.mailbox.uidvalidity:
        return
    known = _known(asked.known, selected)
    await _missing(session, selected, asked.modseq, known, asked.match)
    await _changed(session, selected, asked.modseq, known)


async def tell_missing(session: Session, selected: Selected, since: int, wanted: SequenceSet) -> None:
    """UID FETCH … (CHANGEDSINCE … VANISHED): of ``wanted`` those that were expunged after ``since`` (RFC 7162 3.2.6)."""
    await _missing(session, selected, since, _known(wanted, selected), None)


async def _missing(
    session: Session,
    selected: Selected,
    since: int,
    known: Sequence[Range],
    match: tuple[SequenceSet, SequenceSet] | None,
) -> None:
    gone = await _expunged(session, selected, since)
    if gone is None:
        start = _agreed(match, selected.uids) if match is not None else 0
        missing = _cut(
            _gaps(selected.uids, selected.mailbox.uidnext), [(start + 1, selected.mailbox.uidnext)]
        )
    else:
        missing = [(uid, uid) for uid in gone]
    for line in _lines(_joined(_cut(missing, known))):
        session.write(b"* VANISHED (EARLIER) %b\r\n" % line.encode())
        await session.breathe()


async def _expunged(session: Session, selected: Selected, since: int) -> list[int] | None:
    pages = cast("AsyncGenerator[View, None]", session.account.view(selected.mailbox.id, since=since))
    async with aclosing(pages):
        async for page in pages:
            if page.expunged is None:
                return None
            here = selected.place
            return sorted(uid for uid in page.expunged if here(uid) < 0)
    return []


async def _changed(session: Session, selected: Selected, since: int, known: Sequence[Range]) -> None:
    places: list[int] = []
    for low, high in known:
        start, stop = bisect_right(selected.uids, low - 1), bisect_right(selected.uids, high)
        for at in range(start, stop):
            if selected.modseqs[at] > since:
                places.append(at)
            if len(places) >= CHUNK:
                updates.tell_flags(selected, session, places)
                places.clear()
                await session.breathe()
    updates.tell_flags(selected, session, places)


def _known(known: SequenceSet | None, selected: Selected) -> Sequence[Range]:
    """UIDs that the client asks about; all that ever were, where it does not say."""
    highest = selected.mailbox.uidnext - 1
    if known is None:
        return [(1, highest)] if highest else []
    return _cut(known.resolved(highest), [(1, highest)])


def _agreed(match: tuple[SequenceSet, SequenceSet], uids: array[int]) -> int:
    """The highest UID that has the message number that the client remembers: up to it nothing is missing."""
    agreed = 0
    for number, uid in zip(_each(match[0]), _each(match[1]), strict=False):
        if number > len(uids) or uids[number - 1] != uid:
            break
        agreed = uid
    return agreed


def _each(numbers: SequenceSet) -> Iterator[int]:
    for low, high in numbers.ranges:
        yield from range(min(low, high), max(low, high) + 1)


def _gaps(uids: Iterable[int], uidnext: int) -> Iterator[Range]:
    """Ranges of UIDs below ``uidnext`` that no message has."""
    free = 1
    for uid in uids:
        if uid > free:
            yield free, uid - 1
        free = uid + 1
    if uidnext > free:
        yield free, uidnext - 1


def _cut(ranges: Iterable[Range], within: Sequence[Range]) -> list[Range]:
    """What both have; both ascend."""
    cut: list[Range] = []
    at = 0
    for low, high in ranges:
        while at < len(within) and within[at][1] < low:
            at += 1
        each = at
        while each < len(within) and within[each][0] <= high:
            cut.append((max(low, within[each][0]), min(high, within[each][1])))
            each += 1
    return cut


def _joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Neighbours as one."""
    start, last = 0, -1
    for low, high in ranges:
        if low > last + 1:
            if start:
                yield start, last
            start = low
        last = high
    if start:
        yield start, last


def _lines(ranges: Iterable[Range]) -> Iterator[str]:
    gathered: list[str] = []
    size = 0
    for low, high in ranges:
        gathered.append(str(low) if low == high else f"{low}:{high}")
        size += len(gathered[-1]) + 1
        if size > LINE:
            yield ",".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield ",".join(gathered)
