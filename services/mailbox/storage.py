"""Where letters rest, for every account of this pod: the tables, the object store, and the way in and out of both.

On the way in a letter is parsed once, above ``LARGE`` in a thread so that the others go on; a body above the row limit
is in the object store before its row commits, and when that row never comes the object is swept. After each commit
whoever watches the mailbox gets a hint. On the way out an object is read in windows, never as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.mailbox.recent import Letter, Recent
from services.mailbox.room import Room
from services.mailbox.views import Views
from yubin.errors import Failure, NotFound, Unavailable
from yubin.mailboxes.account import PIECE
from yubin.mailboxes.deliveries import object_name
from yubin.mailboxes.hints import Hints, MemoryHints
from yubin.mailboxes.port import ROW_LIMIT, Delivered, Mailboxes, NewLetter, Parsed, Row
from yubin.mailboxes.reading import read
from yubin.objects.port import Objects
from yubin.runtime import faults

LARGE = 256 * 1024  # octets; parsing more takes milliseconds
WINDOW = 1024 * 1024  # octets of an object that are read at a time
UNDER_WAY = 512 * 1024 * 1024
Deliver = Callable[[NewLetter], Awaitable[Delivered]]


class Grouping(Protocol):
    """yubin.mailboxes.group.Grouped: one letter at a time, many to a transaction."""

    async def deliver(self, letter: NewLetter) -> Delivered: ...


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Octets of what was used lately. 0: none."""

    letters: int = 16 * 1024 * 1024
    views: int = 16 * 1024 * 1024


KEPT = Kept()


class Storage:
    """``grouped`` None: each letter is a transaction of its own, which is for tests.

    ``room`` is for letters that are delivered or read, ``appended`` for those that readers bring, ``recent`` for those
    that were delivered or read lately, ``views`` for mailboxes that were looked at.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        objects: Objects,
        *,
        grouped: Grouping | None = None,
        hints: Hints | None = None,
        under_way: int = UNDER_WAY,
        kept: Kept = KEPT,
    ) -> None:
        self.mailboxes, self.objects = mailboxes, objects
        self.room, self.appended = Room(under_way), Room(under_way // 2)
        self.recent, self.views = Recent(kept.letters), Views(mailboxes, kept.views)
        self.hints: Hints = hints or MemoryHints()
        self._deliver: Deliver = grouped.deliver if grouped else self._alone

    async def deliver(self, letter: NewLetter) -> Delivered:
        """Durable on return. Raises what the store answers."""
        place = await self._deliver(letter)
        faults.point("mailbox.after_commit")
        if place.fresh:
            if letter.body is not None:
                self.recent.keep(letter.account, letter.letter_id, Letter(letter.body, letter.traceparent))
            self.hints.publish(letter.account, place.mailbox_id, place.modseq, place.uid + 1)
        return place

    async def keep(self, letter_id: UUID, body: bytes) -> tuple[bytes | None, str]:
        """What goes into the row: the body, or the name of the object that has it, durably."""
        if len(body) <= ROW_LIMIT:
            return body, ""
        name = object_name(letter_id)
        await self.objects.put(name, body)
        return None, name

    async def taken(self, letter_id: UUID, body: bytes) -> tuple[bytes | None, str, Parsed]:
        """``keep`` and ``parse`` at once; of most letters there is nothing to wait for."""
        if len(body) <= ROW_LIMIT:
            return body, "", read(body)
        (kept, name), parsed = await asyncio.gather(self.keep(letter_id, body), parse(body))
        return kept, name, parsed

    async def whole(self, body: bytes | None, name: str) -> bytes:
        """A letter's bytes. Raises Unavailable: a body that a row names is there, or the store has trouble."""
        if body is not None:
            return body
        try:
            return await self.objects.get(name)
        except NotFound as cause:
            raise Unavailable("a letter's body cannot be read now") from cause

    async def pieces(self, row: Row, offset: int, length: int | None) -> AsyncIterator[bytes]:
        """From ``offset``, at most ``length`` octets (None: to the end), in pieces of at most ``PIECE``."""
        end = row.size if length is None else min(row.size, offset + length)
        while offset < end:
            if row.body is not None:
                window = row.body[offset:end]
            else:
                window = await self._window(row.object, offset, min(WINDOW, end - offset))
            if not window:
                raise Unavailable("a letter's body cannot be read now")
            for start in range(0, len(window), PIECE):
                yield window[start : start + PIECE]
            offset += len(window)

    async def _window(self, name: str, offset: int, length: int) -> bytes:
        try:
            return await self.objects.part(name, offset, length)
        except NotFound as cause:
            raise Unavailable("a letter's body cannot be read now") from cause

    async def _alone(self, letter: NewLetter) -> Delivered:
        (answer,) = await self.mailboxes.deliver([letter])
        if isinstance(answer, Failure):
            raise answer
        return answer


async def parse(body: bytes) -> Parsed:
    if len(body) <= LARGE:
        return read(body)
    return await asyncio.to_thread(read, body)
