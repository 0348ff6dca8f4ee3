"""Waiting for what a test has caused, and no longer than that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """TimeoutError when it does not come about."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)
