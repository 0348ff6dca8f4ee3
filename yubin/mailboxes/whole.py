"""A letter that is here already, as the stream of octets that ``append`` takes; and one that comes, waited for.

Most letters are small and lie in memory before anybody asks where they go. Who takes such a one takes it as it is, with
neither a timer nor a copy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from yubin.errors import Invalid, Unavailable


class Whole:
    """One piece, and no more; for whoever iterates it is a stream like any other."""

    __slots__ = ("_given", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._given = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._given:
            raise StopAsyncIteration
        self._given = True
        return self.octets


async def all_of(body: AsyncIterator[bytes], size: int, seconds: float) -> bytes:
    """Raises Invalid when it is longer than was said, Unavailable when it comes too slowly; it may be shorter."""
    raw = body.octets if isinstance(body, Whole) else await _come(body, size, seconds)
    if len(raw) > size:
        raise Invalid("The letter is longer than was announced")
    return raw


async def _come(body: AsyncIterator[bytes], size: int, seconds: float) -> bytes:
    """Nothing more is read of one that is too long."""
    raw = bytearray()
    try:
        async with asyncio.timeout(seconds) as patience:
            async for piece in body:
                raw += piece
                if len(raw) > size:
                    break
    except TimeoutError as cause:
        if not patience.expired():
            raise  # its source's own
        raise Unavailable("The letter came too slowly") from cause
    return bytes(raw)
