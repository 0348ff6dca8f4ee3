"""A letter whose client was told 451 because storing it took too long must not be sent (CASES A12): the client will
send it again. Its transaction may still be under way, so the ledger is asked to cancel it until it was there, or
until it cannot be any more. Should this pod die meanwhile, the letter goes out twice; never is one lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from yubin.errors import Unavailable
from yubin.ids import number
from yubin.queue.port import Selection, Wish

log = structlog.get_logger()
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # seconds before each try
MOST = 1000


class Cancels(Protocol):
    """``yubin.queue.port.Ledger`` is one."""

    @property
    def wish(self) -> Callable[[Selection, Wish], Awaitable[int]]: ...


class Unwinding:
    def __init__(self, ledger: Cancels, *, pauses: Sequence[float] = PAUSES) -> None:
        self._ledger, self._pauses = ledger, pauses
        self._open: dict[UUID, asyncio.Task[None]] = {}

    def begin(self, message_id: UUID) -> None:
        if len(self._open) < MOST:
            task = asyncio.create_task(self._run(message_id), name="unwind")
            self._open[message_id] = task
            task.add_done_callback(lambda _: self._open.pop(message_id, None))

    async def finish(self) -> None:
        """One last try for each; the pod stops."""
        left = dict(self._open)
        for task in left.values():
            task.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)
        for message_id in left:
            await self._cancelled(message_id)

    async def _run(self, message_id: UUID) -> None:
        for pause in self._pauses:
            await asyncio.sleep(pause)
            if await self._cancelled(message_id):
                return

    async def _cancelled(self, message_id: UUID) -> bool:
        try:
            found = await self._ledger.wish(Selection(message_id=message_id), Wish.CANCEL)
        except Unavailable:
            return False
        if found:
            log.warning(
                "A letter was stored too late and is cancelled.", action="unwind", message=number(message_id)
            )
        return found > 0
