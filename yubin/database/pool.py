"""asyncpg's pool, with what was used a moment ago at hand: to give a connection back and take it again costs 0.04 ms of
CPU, more than the driver needs for a small statement.

A connection is kept for ``KEPT`` seconds at most and then given back to the pool, which sees to its age and to how much it
was used. Nobody waits for one that lies here: while somebody waits they go back at once. One that failed, was left in the
middle of something, is closed or has expired meanwhile goes back too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

KEPT = 1.0  # seconds
WAITS = 10.0  # seconds for a connection


class Pool(asyncpg.Pool):  # type: ignore[misc] # asyncpg carries no types
    """``lent`` is for a statement or a transaction; ``acquire``, and all else that asyncpg's has, works as it does there."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept: list[Any] = []  # the last one was used last
        self._waiting = self._expired = 0
        self._timer: asyncio.TimerHandle | None = None
        self._returns: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Any]:
        """A connection. Raises what asyncpg raises when there is none, TimeoutError when all are in use for long."""
        conn, expired = await self._take(), self._expired
        try:
            yield conn
        except BaseException:
            await self.release(conn)
            raise
        if _lives(conn) and not self._waiting and expired == self._expired:
            self._keep(conn)
        else:
            await self.release(conn)

    def acquire(self, *, timeout: float | None = None) -> Any:
        self._give_back()
        return super().acquire(timeout=timeout)

    async def expire_connections(self) -> None:
        self._expired += 1
        await super().expire_connections()
        self._give_back()

    async def close(self) -> None:
        self._expired += 1
        self._give_back()
        await super().close()

    async def _take(self) -> Any:
        while self._kept:
            conn = self._kept.pop()
            if _lives(conn):
                return conn
            await self.release(conn)
        self._waiting += 1
        try:
            return await super().acquire(timeout=WAITS)
        finally:
            self._waiting -= 1

    def _keep(self, conn: Any) -> None:
        self._kept.append(conn)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEPT, self._give_back)

    def _give_back(self) -> None:
        kept, self._kept = self._kept, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for conn in kept:
            task = asyncio.get_running_loop().create_task(self.release(conn))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)


def _lives(conn: Any) -> bool:
    try:
        return not conn.is_closed()
    except asyncpg.InterfaceError:  # it died, and is the pool's again
        return False
