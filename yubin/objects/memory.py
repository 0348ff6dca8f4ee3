"""Objects in a dictionary: the fake, held to the same contract as the real stores."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from yubin.errors import NotFound
from yubin.objects.names import checked


class MemoryObjects:
    """``clock`` in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._objects: dict[str, tuple[float, bytes]] = {}

    async def put(self, name: str, data: bytes) -> None:
        self._objects[checked(name)] = self._clock(), bytes(data)

    async def get(self, name: str) -> bytes:
        try:
            return self._objects[checked(name)][1]
        except KeyError:
            raise NotFound("no such object") from None

    async def part(self, name: str, offset: int, length: int) -> bytes:
        return (await self.get(name))[offset : offset + length]

    async def delete(self, name: str) -> None:
        self._objects.pop(checked(name), None)

    async def older_than(self, prefix: str, seconds: float) -> AsyncIterator[str]:
        limit = self._clock() - seconds
        for name, (at, _) in sorted(self._objects.items()):
            if name.startswith(prefix) and at < limit:
                yield name

    async def ping(self) -> None:
        return

    async def close(self) -> None:
        return
