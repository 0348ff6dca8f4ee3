"""Upkeep of the ledger, done by every delivery pod in turns that do not disturb each other (rows are skipped if locked).

Expiry each minute; sweep of ended letters each second, 500 at most, since all that was accepted must be forgotten again;
of objects that nothing names (older than 24 h) each ten minutes; the queue's depth for the metrics each fifteen seconds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from yubin.errors import Failure
from yubin.objects.port import Objects
from yubin.queue.port import Ledger, State, body_name

log = structlog.get_logger()
ROWS = Gauge("yubin_queue_rows", "deliveries in the ledger by state", ["state"])
OLDEST = Gauge("yubin_queue_oldest_due_seconds", "how long the oldest claimable row has been due")
OUTBOX = Gauge("yubin_queue_unrelayed_events", "events not yet on the stream")
IN_DOUBT = Gauge("yubin_queue_in_doubt", "rows whose final dot was sent and never answered")
SWEPT = Counter("yubin_queue_swept", "what the sweep removed", ["what"])
BATCH = 500
ORPHAN_AGE = 86_400.0
FOLDER = "queue/"  # of yubin.queue.port.body_name


class Upkeep:
    def __init__(self, ledger: Ledger, objects: Objects, owe: Callable[[UUID], None]) -> None:
        self._ledger = ledger
        self._objects = objects
        self._owe = owe

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(15.0, self.measure))
            group.create_task(_every(60.0, self.expire))
            group.create_task(_every(1.0, self.sweep))
            group.create_task(_every(600.0, self.orphans))

    async def measure(self) -> None:
        depth = await self._ledger.depth()
        for state in State:
            if state is not State.DONE:
                ROWS.labels(state.value).set(depth.rows.get(state, 0))
        OLDEST.set(depth.oldest_due)
        OUTBOX.set(depth.unrelayed_events)
        IN_DOUBT.set(depth.in_doubt)

    async def expire(self) -> None:
        while owed := await self._ledger.expire(BATCH):
            for message_id in owed:
                self._owe(message_id)
            if len(owed) < BATCH:
                return

    async def sweep(self) -> None:
        ended = await self._ledger.sweep(BATCH)
        for message_id in ended:
            await self._objects.delete(body_name(message_id))
        SWEPT.labels("message").inc(len(ended))

    async def orphans(self) -> None:
        """Bodies that were stored and never accepted (CASES A1)."""
        names: list[str] = []
        async for name in self._objects.older_than(FOLDER, ORPHAN_AGE):
            names.append(name)
            if len(names) == BATCH:
                await self._forget(names)
                names = []
        await self._forget(names)

    async def _forget(self, names: list[str]) -> None:
        by_id = {uuid: name for name in names if (uuid := _uuid(name)) is not None}
        known = await self._ledger.known(list(by_id))
        for uuid, name in by_id.items():
            if uuid not in known:
                await self._objects.delete(name)
                SWEPT.labels("orphan").inc()


def _uuid(name: str) -> UUID | None:
    """None for what no queue has put there."""
    try:
        return UUID(name.removeprefix(FOLDER))
    except ValueError:
        return None


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Failure as failure:
            log.warning("Upkeep was put off.", action="upkeep", why=failure.text)
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads pods, guards nothing
