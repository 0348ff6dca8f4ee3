"""What is done now and then: forgetting what nobody needs any more, and counting.

A body is deleted in two steps, so that a letter that is being delivered once more never loses it: the name of an object
that no letter has is remembered for an hour and looked up again before it goes; and now and then whatever lies under
``mailbox/`` for more than a day and belongs to no letter goes too (a client that left, a crash before the commit, what
another pod had in mind when it was stopped).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from services.mailbox import meters
from services.mailbox.storage import Storage
from yubin.errors import Failure
from yubin.runtime.metrics import ERRORS

log = structlog.get_logger()
PREFIX = "mailbox/"
BATCH = 500
ROWS = 5000  # swept at a time: most letters lie in rows, and have no object to name
KEPT = 3600.0  # seconds from the last letter's end to the object's
ORPHAN_AGE = 86_400.0
DOOMED = 100_000  # names that are remembered; the others are found as orphans


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Seconds."""

    sweep: float = 60.0
    orphans: float = 21_600.0
    measure: float = 15.0


class Upkeep:
    """``clock`` is monotonic."""

    def __init__(
        self,
        storage: Storage,
        measure: Callable[[], Awaitable[None]],
        intervals: Intervals = Intervals(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mailboxes, self._objects = storage.mailboxes, storage.objects
        self._measure, self._intervals, self._clock = measure, intervals, clock
        self._doomed: dict[str, float] = {}  # name: when it may go, the earliest first

    async def run(self) -> None:
        """Until it is cancelled."""
        every = self._intervals
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(every.sweep, self.sweep))
            group.create_task(_every(every.orphans, self.orphans, first=random.random()))  # noqa: S311 - not all at once
            group.create_task(_every(every.measure, self._measure))

    async def sweep(self) -> None:
        while True:
            names = await self._mailboxes.sweep(ROWS)
            for name in names:
                if len(self._doomed) < DOOMED:
                    self._doomed.setdefault(name, self._clock() + KEPT)
            if len(names) < BATCH:
                break
        now = self._clock()
        ripe = [name for name, at in self._doomed.items() if at <= now]
        for start in range(0, len(ripe), BATCH):
            await self._delete(ripe[start : start + BATCH])
        for name in ripe:
            del self._doomed[name]

    async def orphans(self) -> None:
        some: list[str] = []
        async for name in self._objects.older_than(PREFIX, ORPHAN_AGE):
            some.append(name)
            if len(some) >= BATCH:
                await self._delete(some)
                some = []
        await self._delete(some)

    async def _delete(self, names: Sequence[str]) -> None:
        """Those that still no letter has."""
        known = await self._mailboxes.objects_known(names) if names else set()
        for name in names:
            if name not in known:
                await self._objects.delete(name)
                meters.SWEPT.inc()


async def _every(seconds: float, work: Callable[[], Awaitable[None]], *, first: float = 0.0) -> None:
    """``first``: the share of ``seconds`` that passes before the first time."""
    await asyncio.sleep(seconds * first)
    while True:
        try:
            await work()
        except Failure as failure:
            log.warning("Upkeep has to wait.", action="sweep", why=str(failure))
        except Exception:
            log.exception("Upkeep failed for a reason of our own.", action="sweep")
            ERRORS.labels("sweep").inc()
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - pods take turns
