"""Once more: a mailbox pod that is being upgraded is away for a moment, and the next call goes to another one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from typing import TypeVar

from yubin.errors import Unavailable

PAUSE = 0.3  # seconds
LONGEST = 3.0
T = TypeVar("T")


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """For what may be said twice."""
    try:
        return await call()
    except Unavailable:
        await asyncio.sleep(PAUSE)
        return await call()


async def patiently(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """For what may be said any number of times: until it is answered, or ``seconds`` are over (Unavailable)."""
    until = monotonic() + seconds
    for pause in pauses():
        try:
            return await call()
        except Unavailable:
            if monotonic() + pause > until:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("pauses never end")


def pauses() -> Iterator[float]:
    """0.3, 0.6, … 3 seconds."""
    pause = PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST)
