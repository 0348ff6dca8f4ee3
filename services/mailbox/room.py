"""A room for so many octets: who wants more than there is free waits his turn, the one who came first goes first.

It bounds what letters under way hold in memory, whoever sends them (DESIGN I7). What is larger than the whole room has
it for itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    def __init__(self, octets: int) -> None:
        self._all = self._free = octets
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def take(self, octets: int) -> AsyncIterator[None]:
        size = min(octets, self._all)
        await self._enter(size)
        try:
            yield
        finally:
            self._free += size
            self._admit()

    async def _enter(self, size: int) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted just before: give it back
                self._free += size
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if turn.done():
                self._waiting.popleft()
            elif size <= self._free:
                self._waiting.popleft()
                self._free -= size
                turn.set_result(None)
            else:
                return
