"""Letters read ahead: most clients retrieve one message after another, and a call for each would cost more than the message.

As soon as a client does so, a window of small letters is fetched in one call, and the next window is larger; each letter
leaves the shelf when it is sent. A large letter is never held: it comes in pieces as fast as the client reads. What all
connections hold together is limited; above it nothing is read ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from services.gateway.again import PAUSE, again
from yubin.errors import NotFound, Unavailable
from yubin.mailboxes.account import Account
from yubin.pop3.maildrop import Maildrop

SMALL = 64 * 1024  # octets
WINDOW = 4 * 1024 * 1024  # octets
LETTERS = (16, 128, 512)  # of the first window, the second, and those behind it


class Shelf:
    """Octets that the connections of a pod hold, and may hold."""

    def __init__(self, limit: int) -> None:
        self.limit, self.held = limit, 0


class Reader:
    """The letters of one session. ``ready``, or ``open``, then ``more`` until None, or ``enough``; ``close`` at the end."""

    def __init__(self, account: Account, mailbox_id: int, maildrop: Maildrop, shelf: Shelf) -> None:
        self._account, self._mailbox, self._maildrop, self._shelf = account, mailbox_id, maildrop, shelf
        self._ahead: dict[int, bytes | None] = {}  # by message number; None: it is gone
        self._last, self._windows = 0, 0
        self._pieces: AsyncIterator[bytes] | None = None

    def ready(self, number: int) -> bytes | None:
        """All of a letter that is here already, and nobody waits. None: ``open`` knows what there is."""
        if self._pieces is not None or not self._ahead.get(number):
            return None
        self._last = number
        return self._take(number)

    async def open(self, number: int) -> bytes | None:
        """The first piece, or None of an empty letter. Raises NotFound when it is gone."""
        await self.enough()
        if self._maildrop.size(number) > SMALL:
            self._pieces = self._stream(self._maildrop.uid(number))
            return await self.more()
        if number not in self._ahead:
            window = self._window(number)
            fetched = await again(lambda: self._fetch(window))
            self._shelve(fetched)
        self._last = number
        octets = self._take(number)
        if octets is None:
            raise NotFound("This message is gone")
        return octets or None

    async def more(self) -> bytes | None:
        if self._pieces is None:
            return None
        piece = await anext(self._pieces, None)
        if piece is None:
            self._pieces = None
        return piece

    async def enough(self) -> None:
        """Storage stops reading."""
        pieces, self._pieces = self._pieces, None
        if pieces is not None and hasattr(pieces, "aclose"):
            await pieces.aclose()

    async def close(self) -> None:
        for number in list(self._ahead):
            self._take(number)
        await self.enough()

    # ── small letters ──

    def _window(self, number: int) -> list[int]:
        """The message, and where it follows the last one, those behind it."""
        if number != self._last + 1:
            self._windows = 0
            return [number]
        window: list[int] = []
        octets, most = 0, LETTERS[min(self._windows, len(LETTERS) - 1)]
        self._windows += 1
        for candidate in range(number, min(number + most, len(self._maildrop.uids) + 1)):
            size = self._maildrop.size(candidate)
            if candidate not in self._maildrop or candidate in self._ahead or size > SMALL:
                continue
            octets += size
            if window and octets > min(WINDOW, self._shelf.limit - self._shelf.held):
                break
            window.append(candidate)
        return window

    async def _fetch(self, window: list[int]) -> dict[int, bytes | None]:
        numbers = {self._maildrop.uid(number): number for number in window}
        fetched: dict[int, bytes | None] = dict.fromkeys(window)
        async for some in self._account.letters(self._mailbox, list(numbers)):
            for uid, octets in zip(some.rows.uids, some.bodies, strict=True):
                fetched[numbers[uid]] = octets
        return fetched

    def _shelve(self, fetched: dict[int, bytes | None]) -> None:
        self._ahead |= fetched
        self._shelf.held += sum(len(octets or b"") for octets in fetched.values())

    def _take(self, number: int) -> bytes | None:
        octets = self._ahead.pop(number)
        self._shelf.held -= len(octets or b"")
        return octets

    # ── large letters ──

    async def _stream(self, uid: int) -> AsyncIterator[bytes]:
        """Goes on where it was when a mailbox pod leaves in the middle."""
        offset, tried = 0, False
        while True:
            try:
                async for piece in self._account.body(self._mailbox, uid, offset=offset):
                    offset += len(piece)
                    yield piece
            except Unavailable:
                if tried:
                    raise
                tried = True
                await asyncio.sleep(PAUSE)
            else:
                return
