"""When each of many is due, under one timer: for calls that are begun by the thousand and hardly ever late.

The timer is set to whoever is due first and left alone when he is done; when it rings, those that are late are told of,
and it is set to the next one. Who is done in time costs two steps in a table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from math import inf
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """``late`` is called once for each key that was not dropped in time."""

    def __init__(self, late: Callable[[K], None]) -> None:
        self._late = late
        self._due: dict[K, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings = inf

    def add(self, key: K, seconds: float) -> None:
        due = self._due[key] = asyncio.get_running_loop().time() + seconds
        if due < self._rings:
            self._set(due)

    def drop(self, key: K) -> None:
        self._due.pop(key, None)

    def close(self) -> None:
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings = None, inf

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = due
        self._timer = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings = None, inf
        now = asyncio.get_running_loop().time()
        for key in [key for key, due in self._due.items() if due <= now]:
            del self._due[key]
            self._late(key)
        if self._due:
            self._set(min(self._due.values()))
