"""Objects in S3, GCS or Azure through obstore; durable when the store has answered.

obstore's blocking calls run on threads of ours: its asynchronous ones leave native threads behind that now and then abort
the process while it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from obstore.exceptions import BaseError

from yubin.errors import NotFound, Unavailable
from yubin.objects.names import checked

log = structlog.get_logger()
T = TypeVar("T")
TIMEOUT = 25.0  # CASES A5: a client hears 451 within 30 s
THREADS = 16


class StoreObjects:
    """``store`` is one of obstore's; ``clock`` Unix seconds."""

    def __init__(
        self, store: Any, *, clock: Callable[[], float] = time.time, timeout: float = TIMEOUT
    ) -> None:
        self._store = store
        self._clock = clock
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="objects")

    async def put(self, name: str, data: bytes) -> None:
        checked(name)
        await self._ask(lambda: self._store.put(name, data))

    async def get(self, name: str) -> bytes:
        checked(name)
        return await self._ask(lambda: bytes(self._store.get(name).bytes()))

    async def part(self, name: str, offset: int, length: int) -> bytes:
        checked(name)
        size = (await self._ask(lambda: self._store.head(name)))["size"]
        end = min(size, offset + length)
        if offset >= end:
            return b""
        return await self._ask(lambda: bytes(self._store.get_range(name, start=offset, end=end)))

    async def delete(self, name: str) -> None:
        checked(name)
        try:
            await self._ask(lambda: self._store.delete(name))
        except NotFound:
            return

    async def older_than(self, prefix: str, seconds: float) -> AsyncIterator[str]:
        limit = datetime.fromtimestamp(self._clock() - seconds, UTC)
        inside = prefix.rpartition("/")[0]  # what the store itself can leave out: whole levels
        batches = iter(self._store.list(inside or None))
        while batch := await self._ask(lambda: next(batches, None)):
            for meta in batch:
                if meta["path"].startswith(prefix) and meta["last_modified"] < limit:
                    yield meta["path"]

    async def ping(self) -> None:
        try:
            await self._ask(lambda: self._store.head("ping"))
        except NotFound:
            return

    async def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def _ask(self, ask: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except (FileNotFoundError, TimeoutError, BaseError) as cause:
            if isinstance(cause, FileNotFoundError):
                raise NotFound("no such object") from None
            log.exception("The object store has trouble.", action="objects", why=type(cause).__name__)
            raise Unavailable("the object store has trouble") from cause
