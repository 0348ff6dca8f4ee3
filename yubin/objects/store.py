"""Objects in S3, GCS or Azure through obstore; durable when the store has answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from obstore.exceptions import BaseError

from yubin.errors import NotFound, Unavailable
from yubin.objects.names import checked

log = structlog.get_logger()
T = TypeVar("T")
TIMEOUT = 25.0  # CASES A5: a client hears 451 within 30 s


class StoreObjects:
    """``store`` is one of obstore's; ``clock`` Unix seconds."""

    def __init__(
        self, store: Any, *, clock: Callable[[], float] = time.time, timeout: float = TIMEOUT
    ) -> None:
        self._store = store
        self._clock = clock
        self._timeout = timeout

    async def put(self, name: str, data: bytes) -> None:
        await self._ask(self._store.put_async(checked(name), data))

    async def get(self, name: str) -> bytes:
        answer = await self._ask(self._store.get_async(checked(name)))
        return bytes(await self._ask(answer.bytes_async()))

    async def delete(self, name: str) -> None:
        try:
            await self._ask(self._store.delete_async(checked(name)))
        except NotFound:
            return

    async def older_than(self, prefix: str, seconds: float) -> AsyncIterator[str]:
        limit = datetime.fromtimestamp(self._clock() - seconds, UTC)
        async for batch in self._store.list(None):
            for meta in batch:
                if meta["path"].startswith(prefix) and meta["last_modified"] < limit:
                    yield meta["path"]

    async def close(self) -> None:
        return

    async def _ask(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await answer
        except (FileNotFoundError, TimeoutError, BaseError) as cause:
            if isinstance(cause, FileNotFoundError):
                raise NotFound("no such object") from None
            log.exception("The object store has trouble.", action="objects", why=type(cause).__name__)
            raise Unavailable("the object store has trouble") from cause
