"""Which messages a search finds (RFC 9051 6.4.4): columns, the index, rows, letters, each only for what is still open.

    columns     flags, numbers, sizes, MODSEQ; no call
    the index   words of texts (yubin.imap.lookup): one call for each text; a word that is exact is the answer
    rows        what is kept beside letters: dates, subject, correspondents; in pieces that the pod bounds
    letters     those that are left, in windows of a mebibyte; a larger one alone, and by itself

What is held does not grow with the mailbox, but for numbers. Long evaluations are cut so that other sessions have their
turn, and large letters are looked at in a thread (CASES H6). A search that may read letters takes one of its account's
places (heavy.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING

from services.gateway.imap.ahead import batches, following
from services.gateway.imap.replies import BadCommand, No
from yubin.imap.candidate import Known
from yubin.imap.commands.keys import Key
from yubin.imap.flaw import Flaw
from yubin.imap.lookup import Found, Lookup, lookups
from yubin.imap.search import Needs, compile_key, needs
from yubin.imap.search_terms import Test
from yubin.mail import structure
from yubin.mailboxes.port import Row, Rows, Want, Where, Word

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

SLICE = 5000  # messages by columns alone
BATCH = 1000  # rows of one call
FEW = 250  # of them, before others have their turn
SMALL = 256 * 1024  # octets of a letter that is read with others
WINDOW = 1024 * 1024  # octets of all of them
THREAD = 64 * 1024  # octets; to look at more takes a millisecond and longer
TURN = 256 * 1024  # octets that are looked at before others have their turn


async def find(session: Session, key: Key, now: float) -> list[int]:
    """Places in the columns, ascending. ``now``: Unix seconds. Raises No, BadCommand, Failure."""
    asked = needs(key)
    wanted = lookups(key)
    with ExitStack() as stack:
        if asked.header or asked.body:
            stack.enter_context(session.house.heavy.search(session.identity.account))
        found = [await _index(session, one) for one in wanted]
        test = _compiled(session, key, now, found)
        yes, still = await _by_columns(test, len(session.box))
        if still:
            yes += await _Reading(session, test, asked).run(still)
    return sorted(yes)


def _compiled(session: Session, key: Key, now: float, found: Sequence[Found]) -> Test:
    try:
        return compile_key(key, session.box, now=now, found=found)
    except Flaw as flaw:
        if flaw.status == "NO":
            raise No(flaw.text, flaw.code) from flaw
        raise BadCommand(flaw.text, flaw.code) from flaw


async def _index(session: Session, lookup: Lookup) -> Found:
    words = [Word(text=word.text, prefix=word.prefix, where=Where(word.where)) for word in lookup.words]
    match = await session.account.match(session.box.mailbox.id, words)
    return Found(lookup, frozenset(match.uids), frozenset(match.unknown))


async def _by_columns(test: Test, count: int) -> tuple[list[int], list[int]]:
    """Those that match, and those that are open."""
    yes: list[int] = []
    still: list[int] = []
    for start in range(0, count, SLICE):
        for place in range(start, min(start + SLICE, count)):
            answer = test(place, None)
            if answer:
                yes.append(place)
            elif answer is None:
                still.append(place)
        await asyncio.sleep(0)
    return yes, still


class _Reading:
    """The rounds that read."""

    def __init__(self, session: Session, test: Test, asked: Needs) -> None:
        self._session, self._test, self._asked = session, test, asked
        self._mailbox = session.box.mailbox.id
        self._looked = 0  # octets since others had their turn

    async def run(self, places: Sequence[int]) -> list[int]:
        """Those that are gone are left out."""
        yes: list[int] = []
        async with aclosing(following(self._rows(places))) as read:
            async for rows in read:
                still: dict[int, Row] = {}
                for n, row in enumerate(rows, 1):
                    place = self._session.box.place(row.uid)
                    answer = self._test(place, Known(row))
                    if answer:
                        yes.append(place)
                    elif answer is None:
                        still[place] = row
                    if n % FEW == 0:
                        await asyncio.sleep(0)
                yes += await self._letters(still)
                await asyncio.sleep(0)
        return yes

    async def _rows(self, places: Sequence[int]) -> AsyncGenerator[Rows, None]:
        uids, want = self._session.box.uids, self._want()
        for some in batches(places, BATCH):
            async for rows in self._session.account.columns(self._mailbox, [uids[at] for at in some], want):
                yield rows

    def _want(self) -> Want:
        asked, want = self._asked, Want.NOTHING
        for needed, part in (
            (asked.letter_id, Want.LETTER_ID),
            (asked.received, Want.RECEIVED),
            (asked.saved, Want.SAVED),
            (asked.thread, Want.THREAD),
            (asked.envelope, Want.ENVELOPE),
            (asked.summary, Want.SUMMARY),
            (asked.header or asked.body, Want.STRUCTURE | Want.SIZE),
        ):
            want |= part if needed else Want.NOTHING
        return want

    # ── letters ──

    async def _letters(self, still: Mapping[int, Row]) -> list[int]:
        yes = []
        alone = {place: row for place, row in still.items() if self._octets(row) > SMALL or self._short(row)}
        for window in _windows((place, row) for place, row in still.items() if place not in alone):
            places = {row.uid: place for place, row in window.items()}
            async for some in self._session.account.letters(self._mailbox, list(places)):
                for uid, letter in zip(some.rows.uids, some.bodies, strict=True):
                    if await self._matches(places[uid], Known(still[places[uid]], letter)):
                        yes.append(places[uid])
        for place, row in alone.items():
            octets = self._octets(row)
            async with self._session.house.heavy.octets(octets):
                raw = await self._read(row.uid, octets)
                if await self._matches(place, Known(row, raw, header_only=octets < row.size)):
                    yes.append(place)
        return yes

    def _octets(self, row: Row) -> int:
        """That have to be read."""
        return row.size if self._asked.body else min(row.size, structure.unpack(row.structure).body)

    def _short(self, row: Row) -> bool:
        """The header of a letter that is much larger."""
        return row.size > SMALL and not self._asked.body

    async def _read(self, uid: int, octets: int) -> bytes:
        pieces = self._session.account.body(self._mailbox, uid, length=octets)
        return b"".join([piece async for piece in pieces])

    async def _matches(self, place: int, known: Known) -> bool:
        size = len(known.raw or b"")
        if size > THREAD:
            return bool(await asyncio.to_thread(self._test, place, known))
        self._looked += size
        if self._looked > TURN:
            self._looked = 0
            await asyncio.sleep(0)
        return bool(self._test(place, known))


def _windows(rows: Iterable[tuple[int, Row]]) -> Iterator[dict[int, Row]]:
    window: dict[int, Row] = {}
    octets = 0
    for place, row in rows:
        if window and octets + row.size > WINDOW:
            yield window
            window, octets = {}, 0
        window[place] = row
        octets += row.size
    if window:
        yield window
