"""One question under way for many askers: who comes second waits for the first one's answer.

The work is a task of its own: an asker that leaves cancels nothing for the others, and the answer still fills a cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._under_way

    async def join(
        self, key: K, start: Callable[[], Coroutine[Any, Any, V]], patience: float | None = None
    ) -> V:
        """The answer, or the exception of ``start``; TimeoutError after ``patience`` seconds, while the work goes on."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(start())
            task.add_done_callback(lambda done: self._ended(key, done))
        async with asyncio.timeout(patience):
            return await asyncio.shield(task)

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # seen, also when every asker has left
