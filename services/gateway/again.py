"""Once more: a mailbox pod that is being upgraded is away for a moment, and the next call goes to another one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from yubin.errors import Unavailable

PAUSE = 0.3  # seconds
T = TypeVar("T")


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """For what may be said twice."""
    try:
        return await call()
    except Unavailable:
        await asyncio.sleep(PAUSE)
        return await call()
