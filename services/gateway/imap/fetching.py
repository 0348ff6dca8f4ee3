"""FETCH (RFC 9051 6.4.5): where what it asks for comes from, and how much of it is held.

    flags, UID, MODSEQ, size    the columns of the selected mailbox; no call
    envelope, structure, dates  rows, in pieces that the pod bounds
    letters                     small ones in windows of a mebibyte; larger ones streamed, only the octets asked for

The next piece or window is on its way while one is written, and never more than that. A letter that is read becomes Seen
with one STORE for its window, before its response, which tells the flag.

Messages that are gone, which the client has not been told yet, are left out, and the command ends with OK [EXPUNGEISSUED]
(RFC 5530 3). RFC 2180 4.1.2 would allow NO too, and clients retry that in vain; Dovecot and imaptest do it so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from services.gateway.imap.ahead import ahead, batches, following
from services.gateway.imap.fetch_responses import Responses, recent_from
from services.gateway.imap.replies import No, Reply
from services.gateway.imap.streaming import stream
from yubin.imap import codes
from yubin.imap import fetch as rendering
from yubin.imap import flags as shown
from yubin.imap.commands import items
from yubin.imap.commands.items import Item
from yubin.mailboxes.port import ROW_LIMIT, How, Row, Rows, Want

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

LINES = 2000  # FETCH responses from the columns between two breaths
TURN = 50  # others, before other sessions have their turn
PLAIN = 500  # of these those that are only copied
BATCH = 1000  # rows of one call
LETTERS = 250  # in one window
SMALL = 256 * 1024  # octets of a letter that is held
WINDOW = 1024 * 1024  # octets of all letters that are
_IN_COLUMNS = (items.Flags, items.Uid, items.ModSeq)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """A window: rows by UID, and letters of those that are small."""

    rows: Mapping[int, Row]
    letters: Mapping[int, bytes]


class Fetching:
    """One command."""

    def __init__(self, session: Session, asked: Sequence[Item], *, uid: bool) -> None:
        self._session, self._selected = session, session.box
        self._asked, self._uid = tuple(asked), uid
        self._wants = rendering.wants(asked)
        self._sees = self._wants.sees and not self._selected.read_only
        self._largest = ROW_LIMIT if self._wants.structure else SMALL
        self._responses = Responses(session, self._asked, uid=uid)
        self.missing = False

    async def run(self, uids: Sequence[int]) -> None:
        """``uids``: ascending, of the columns. Raises Failure."""
        if self._wants.body:
            await self._letters(uids)
        elif self._simple():
            await self._lines(uids)
        elif self._wants.row and not self._only_size():
            await self._rows(uids)
        else:
            await self._columns(uids)

    def reply(self, text: str) -> Reply:
        """Raises No [UNKNOWN-CTE] (RFC 3516 4.3)."""
        if self._responses.undecoded:
            raise No("A part has an encoding that is not known here", codes.UNKNOWN_CTE)
        if self.missing:
            return Reply(text="Some of the messages are gone", code=codes.EXPUNGEISSUED)
        return Reply(text=text)

    # ── from the columns ──

    def _simple(self) -> bool:
        return items.Flags() in self._asked and all(isinstance(item, _IN_COLUMNS) for item in self._asked)

    def _only_size(self) -> bool:
        return all(isinstance(item, (*_IN_COLUMNS, items.Size)) for item in self._asked)

    async def _lines(self, uids: Sequence[int]) -> None:
        selected = self._selected
        modseq = items.ModSeq() in self._asked
        for some in batches(uids, LINES):
            places = self._places(some)
            self._session.write(
                shown.lines(
                    [at + 1 for at in places],
                    some,
                    [selected.flags[at] for at in places],
                    selected.keywords,
                    uid=self._uid or items.Uid() in self._asked,
                    modseqs=[selected.modseqs[at] for at in places] if modseq else None,
                    recent_from=recent_from(self._session),
                )
            )
            await self._pause()

    async def _columns(self, uids: Sequence[int]) -> None:
        for some in batches(uids, LINES):
            await self._tell(self._places(some), None)

    async def _tell(self, places: Sequence[int], rows: Rows | None) -> None:
        """What was made before something failed is told."""
        lines, turn = self._responses.many(places, rows), TURN if self._wants.parsed else PLAIN
        for _ in range(0, len(places), turn):
            made: list[bytes] = []
            try:
                made.extend(islice(lines, turn))
            finally:
                self._session.write(b"".join(made))
            await self._pause()

    # ── from rows ──

    async def _rows(self, uids: Sequence[int]) -> None:
        told = 0
        async with aclosing(following(self._found(uids))) as found:
            async for rows in found:
                await self._tell(self._places(rows.uids), rows)
                told += len(rows.uids)
        self.missing |= told < len(uids)

    async def _found(self, uids: Sequence[int]) -> AsyncGenerator[Rows, None]:
        want = self._want()
        for some in batches(uids, BATCH):
            async for rows in self._session.account.columns(self._selected.mailbox.id, some, want):
                yield rows

    def _want(self) -> Want:
        wants, want = self._wants, Want.NOTHING
        for asked, part in (
            (wants.letter_id, Want.LETTER_ID),
            (wants.received, Want.RECEIVED),
            (wants.saved, Want.SAVED),
            (wants.thread, Want.THREAD),
            (wants.envelope, Want.ENVELOPE),
            (wants.structure, Want.STRUCTURE),
            (wants.summary, Want.SUMMARY),
        ):
            want |= part if asked else Want.NOTHING
        return want

    # ── letters ──

    async def _letters(self, uids: Sequence[int]) -> None:
        async with aclosing(ahead(self._windows(uids), self._read_window)) as read:
            async for some, window in read:
                changed = await self._see([uid for uid in some if uid in window.rows])
                for n, uid in enumerate(some):
                    await self._letter(uid, window, tell=uid in changed)
                    if n % TURN == TURN - 1:
                        await self._pause()
                await self._pause()

    def _windows(self, uids: Sequence[int]) -> Iterator[list[int]]:
        window: list[int] = []
        octets = 0
        for uid in uids:
            size = self._held(uid)
            if window and (octets + size > WINDOW or len(window) == LETTERS):
                yield window
                window, octets = [], 0
            window.append(uid)
            octets += size
        if window:
            yield window

    def _held(self, uid: int) -> int:
        """Octets in memory; none of a letter that is streamed."""
        size = self._selected.sizes[self._selected.place(uid)]
        return size if size <= self._largest else 0

    async def _read_window(self, window: Sequence[int]) -> _Read:
        mailbox, account, want = self._selected.mailbox.id, self._session.account, self._want() & Want.PARSED
        sizes, places = self._selected.sizes, self._places(window)
        small = [uid for uid, at in zip(window, places, strict=True) if sizes[at] <= self._largest]
        rows: dict[int, Row] = {}
        if want or len(small) < len(window):
            rows = {row.uid: row async for row in account.rows(mailbox, window, want)}
        letters: dict[int, bytes] = {}
        if small:
            async for some in account.letters(mailbox, small, self._want() | Want.SIZE):
                letters.update(zip(some.rows.uids, some.bodies, strict=True))
                if not want:
                    rows.update(zip(some.rows.uids, some.rows, strict=True))
        for uid in small:  # a letter that went between the two calls
            if uid not in letters:
                rows.pop(uid, None)
        return _Read(rows=rows, letters=letters)

    async def _letter(self, uid: int, window: _Read, *, tell: bool) -> None:
        row, at = window.rows.get(uid), self._selected.place(uid)
        if row is None:
            self.missing = True
            return
        letter = window.letters.get(uid)
        if letter is not None:
            self._session.write(self._responses.one(at, row, letter, tell=tell))
            return
        if not await stream(self._session, uid, self._responses.steps(at, row, tell=tell)):
            self.missing = True

    async def _see(self, uids: Sequence[int]) -> set[int]:
        r"""Sets \Seen; gives UIDs whose flags are new to the client (RFC 9051 6.4.5: they SHOULD be told)."""
        selected = self._selected
        places = [selected.place(uid) for uid in uids]
        new = [selected.uids[at] for at in places if not selected.flags[at] & shown.SEEN]
        if not self._sees or not new:
            return set()
        stored = await self._session.account.store(
            selected.mailbox.id, new, How.ADD, frozenset({shown.SYSTEM[0]})
        )
        selected.tell_keywords(self._session, tuple(stored.keywords))
        selected.note(stored.uids, stored.flags, stored.modseqs)
        return set(stored.uids)

    def _places(self, uids: Sequence[int]) -> Sequence[int]:
        """Neighbours are found at once."""
        first, last = self._selected.place(uids[0]), self._selected.place(uids[-1])
        if last - first == len(uids) - 1:
            return range(first, last + 1)
        return [self._selected.place(uid) for uid in uids]

    async def _pause(self) -> None:
        """The client reads, and others have their turn."""
        await self._session.breathe()
        await asyncio.sleep(0)
