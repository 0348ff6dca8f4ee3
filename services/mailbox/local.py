"""One account's mailboxes, by the pod that has them: ``LocalAccount`` implements yubin.mailboxes.account.Account.

Names become canonical here; every change is told to whoever watches. A letter that a reader appends is refused before
it is read where it cannot fit (CASES H9; a small one that may be said again when it commits), counts against a room of its
own while it is read, so that slow readers hold up no delivery, and is dropped when its sender leaves, dawdles, or sends
another length than announced (CASES A11).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from hashlib import sha256
from uuid import UUID

from services.mailbox import meters
from services.mailbox.recent import Letter
from services.mailbox.storage import Storage
from yubin.errors import Exhausted, Invalid, NotFound, TooBig
from yubin.ids import uuid7
from yubin.mailboxes.account import PIECES, singly
from yubin.mailboxes.names import canonical
from yubin.mailboxes.port import (
    ROW_LIMIT,
    Copied,
    Delivered,
    Expunged,
    How,
    Letters,
    Mailbox,
    Match,
    NewLetter,
    Row,
    Rows,
    Stored,
    Usage,
    View,
    Want,
    Word,
)
from yubin.mailboxes.whole import all_of
from yubin.runtime import faults, tracing

LETTER_LIMIT = 256 * 1024 * 1024  # octets of one appended letter
GRACE = 60.0  # seconds for a letter that is appended, and
LEAST_RATE = 16 * 1024  # octets a second, on average
ROWS = 500  # asked for at a time, without bodies
LETTER = Want.BODY | Want.OBJECT | Want.ORIGIN | Want.LETTER_ID


class LocalAccount:
    """``quota`` in octets; 0: none."""

    def __init__(
        self, account: str, quota: int, storage: Storage, *, letter_limit: int = LETTER_LIMIT
    ) -> None:
        self.account, self.quota = account, quota
        self._storage, self._mailboxes, self._limit = storage, storage.mailboxes, letter_limit

    # ── mailboxes ──

    async def mailboxes(self) -> tuple[Mailbox, ...]:
        return await self._mailboxes.mailboxes(self.account)

    async def mailbox(self, mailbox_id: int) -> Mailbox:
        return await self._mailboxes.mailbox(self.account, mailbox_id)

    async def select(self, mailbox_id: int) -> Mailbox:
        return await self._mailboxes.select(self.account, mailbox_id)

    async def create(self, name: str, special_use: str = "") -> Mailbox:
        made = await self._mailboxes.create(self.account, canonical(name), special_use)
        self._changed(made.id)
        return made

    async def rename(self, mailbox_id: int, name: str) -> Mailbox:
        renamed = await self._mailboxes.rename(self.account, mailbox_id, canonical(name))
        self._changed(mailbox_id)
        return renamed

    async def delete(self, mailbox_id: int) -> None:
        await self._mailboxes.delete(self.account, mailbox_id)
        self._changed(mailbox_id)

    async def subscribe(self, name: str, on: bool) -> None:
        await self._mailboxes.subscribe(self.account, canonical(name), on)

    async def subscriptions(self) -> tuple[str, ...]:
        return await self._mailboxes.subscriptions(self.account)

    # ── reading ──

    async def view(self, mailbox_id: int, *, since: int = 0, after: int = 0) -> AsyncIterator[View]:
        if since or after:
            page = await self._mailboxes.view(self.account, mailbox_id, since=since, after=after)
        else:
            page = await self._storage.views.first(self.account, mailbox_id)
        yield page
        while page.more:
            after = page.uids[-1] if page.uids else after
            page = await self._mailboxes.view(self.account, mailbox_id, since=since, after=after)
            yield page

    async def columns(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Rows]:
        ordered, at, most, wanted = sorted(set(uids)), 0, ROWS, want & (Want.ROW | Want.PARSED)
        while at < len(ordered):
            some = ordered[at : at + most]
            found = await self._mailboxes.columns(self.account, mailbox_id, some, wanted)
            if found.uids:
                yield found
            if found.more:  # of wide rows as many as came: the database looks at all it is asked for
                at, most = bisect_right(ordered, found.uids[-1]), len(found.uids)
            else:
                at, most = at + most, min(2 * most, ROWS)

    def rows(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Row]:
        return singly(self.columns(mailbox_id, uids, want | Want.ROW))

    async def letters(
        self, mailbox_id: int, uids: Sequence[int], want: Want = Want.NOTHING
    ) -> AsyncIterator[Letters]:
        wanted = want & Want.ROW
        for some in _batches(uids, ROWS):
            named = wanted | Want.LETTER_ID | Want.SIZE
            found = await self._mailboxes.columns(self.account, mailbox_id, some, named)
            for places in _pieces(found.sizes):
                rows = found.chosen(places, named)
                async with self._storage.room.take(sum(rows.sizes)):
                    if (letters := await self._whole(mailbox_id, rows, wanted)).bodies:
                        yield letters

    async def _whole(self, mailbox_id: int, rows: Rows, wanted: Want) -> Letters:
        """Those of ``rows`` that are still there."""
        recent = self._storage.recent
        found = [recent.find(self.account, id_) for id_ in rows.letter_ids]
        if missing := [uid for uid, letter in zip(rows.uids, found, strict=True) if letter is None]:
            read = await self._stored(mailbox_id, missing)
            found = [letter or read.get(uid) for uid, letter in zip(rows.uids, found, strict=True)]
        meters.FROM_STORE.inc(len(missing))
        meters.FROM_MEMORY.inc(len(found) - len(missing))
        letters = {place: letter for place, letter in enumerate(found) if letter is not None}
        for origin in {letter.origin for letter in letters.values()}:
            tracing.link(origin)
        return Letters(
            rows=rows.chosen([*letters], wanted), bodies=[letter.body for letter in letters.values()]
        )

    async def _stored(self, mailbox_id: int, uids: Sequence[int]) -> dict[int, Letter]:
        rows = await self._mailboxes.columns(self.account, mailbox_id, uids, LETTER)
        found: dict[int, Letter] = {}
        for row in rows:
            letter = Letter(await self._storage.whole(row.body, row.object), row.traceparent)
            self._storage.recent.keep(self.account, row.letter_id, letter)
            found[row.uid] = letter
        return found

    async def body(
        self, mailbox_id: int, uid: int, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        rows = await self._mailboxes.rows(self.account, mailbox_id, [uid], Want.BODY)
        if not rows:
            raise NotFound("This letter is gone")
        tracing.link(rows[0].traceparent)
        async for piece in self._storage.pieces(rows[0], offset, length):
            yield piece

    # ── letters in ──

    async def append(
        self,
        mailbox_id: int,
        body: AsyncIterator[bytes],
        size: int,
        *,
        flags: frozenset[str] = frozenset(),
        received: float | None = None,
        delivery_id: UUID | None = None,
    ) -> Delivered:
        await self._check_room(mailbox_id, size, known=delivery_id is not None)
        async with self._storage.appended.take(size):
            raw = await all_of(body, size, GRACE + size / LEAST_RATE)
            if len(raw) < size:
                raise Invalid("The letter is shorter than was announced")
            letter_id = uuid7()
            kept, name, parsed = await self._storage.taken(letter_id, raw)
            return await self._storage.deliver(
                NewLetter(
                    account=self.account,
                    delivery_id=delivery_id or letter_id,
                    letter_id=letter_id,
                    body=kept,
                    object=name,
                    size=size,
                    sha256=sha256(raw).digest(),
                    received=received,
                    flags=flags,
                    mailbox_id=mailbox_id,
                    quota=self.quota,
                    parsed=parsed,
                )
            )

    async def _check_room(self, mailbox_id: int, size: int, *, known: bool) -> None:
        """Before a byte is read (CASES H9). The commit checks all of it again: the quota alone where it may be ``known``.

        Of a small one that may be known only the commit is asked: nothing but its row is lost when it is refused.
        """
        if size > self._limit:
            raise TooBig(f"A letter has at most {self._limit} octets")
        if known and size <= ROW_LIMIT:
            return
        await self.mailbox(mailbox_id)
        if self.quota and not known and (await self.usage()).used + size > self.quota:
            raise Exhausted("The mailbox is full", code=452, enhanced="4.2.2")

    # ── changing ──

    async def store(
        self,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        stored = await self._mailboxes.store(
            self.account, mailbox_id, uids, how, flags, unchanged_since=unchanged_since
        )
        self._changed(mailbox_id, stored.modseq)
        return stored

    async def copy(self, source_id: int, uids: Sequence[int], target_id: int, *, move: bool) -> Copied:
        copied = await self._mailboxes.copy(
            self.account, source_id, uids, target_id, move=move, quota=self.quota
        )
        if copied.targets:  # of a copy nobody says the MODSEQ; a move's is not below the target's
            self._changed(target_id, copied.modseq if move else 0)
        if move and copied.sources:
            self._changed(source_id, copied.modseq)
        return copied

    async def expunge(
        self, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        gone = await self._mailboxes.expunge(self.account, mailbox_id, uids, only_deleted=only_deleted)
        if gone.uids:
            self._changed(mailbox_id, gone.modseq)
        return gone

    async def forget(self) -> None:
        """The account and all that is in it."""
        await self._mailboxes.forget(self.account)

    # ── the rest ──

    async def match(self, mailbox_id: int, words: Sequence[Word]) -> Match:
        return await self._mailboxes.match(self.account, mailbox_id, words)

    async def usage(self) -> Usage:
        return (await self._mailboxes.usage([self.account])).get(self.account, Usage())

    async def lease(self, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        return await self._mailboxes.lease(self.account, name, owner, seconds, most=most)

    async def release(self, name: str, owner: str) -> None:
        await self._mailboxes.release(self.account, name, owner)

    def _changed(self, mailbox_id: int, modseq: int = 0) -> None:
        faults.point("mailbox.after_commit")
        self._storage.hints.publish(self.account, mailbox_id, modseq, 0)


def _pieces(sizes: Sequence[int]) -> Iterator[range]:
    """Places of small letters that come together; each of the others is alone, since it is no part of a row."""
    start = octets = 0
    for place, size in enumerate(sizes):
        if place > start and (octets + size > PIECES or size > ROW_LIMIT or sizes[start] > ROW_LIMIT):
            yield range(start, place)
            start, octets = place, 0
        octets += size
    if start < len(sizes):
        yield range(start, len(sizes))


def _batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    ordered = sorted(set(uids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
