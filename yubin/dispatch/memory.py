"""Dispatch without a broker, for tests and for one process alone: held to the same contract as JetStream.

A job that is not acked within ``ack_wait`` seconds comes back at the end of its lane. A full lane refuses what is new.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import count

from yubin.dispatch.port import Job, Lane, lane_of


class MemoryParcel:
    def __init__(self, lane: _Queue, number: int, job: Job) -> None:
        self._lane, self._number, self._job = lane, number, job

    @property
    def job(self) -> Job:
        return self._job

    async def ack(self) -> None:
        self._lane.unacked.pop(self._number, None)


class _Queue:
    """One lane: what waits, and what was handed out with the time when it comes back."""

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.unacked: dict[int, tuple[float, Job]] = {}
        self.news = asyncio.Event()

    def take_back(self, now: float) -> None:
        for number in [n for n, (at, _) in self.unacked.items() if at <= now]:
            self.waiting.append(self.unacked.pop(number)[1])

    def until_next(self, now: float) -> float | None:
        return min((at - now for at, _ in self.unacked.values()), default=None)


class MemoryDispatch:
    """See ``yubin.dispatch.port.Dispatch``. ``limit`` jobs for each lane."""

    def __init__(self, *, ack_wait: float = 30.0, limit: int = 100_000) -> None:
        self._lanes = {lane: _Queue() for lane in Lane}
        self._numbers = count()
        self._ack_wait, self._limit = ack_wait, limit
        self.refused = 0

    def publish(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            lane = self._lanes[lane_of(job.klass)]
            if len(lane.waiting) + len(lane.unacked) >= self._limit:
                self.refused += 1
                continue
            lane.waiting.append(job)
            lane.news.set()

    async def pull(self, lane: Lane, room: int, *, wait: float) -> Sequence[MemoryParcel]:
        queue, now = self._lanes[lane], asyncio.get_running_loop().time
        end = now() + wait
        while True:
            queue.take_back(now())
            if queue.waiting or now() >= end:
                return [self._hand_out(queue) for _ in range(min(room, len(queue.waiting)))]
            queue.news.clear()
            back = queue.until_next(now())
            pause = end - now() if back is None else min(back, end - now())
            try:
                async with asyncio.timeout(max(0.0, pause)):
                    await queue.news.wait()
            except TimeoutError:
                pass

    def _hand_out(self, queue: _Queue) -> MemoryParcel:
        number, job = next(self._numbers), queue.waiting.popleft()
        queue.unacked[number] = (asyncio.get_running_loop().time() + self._ack_wait, job)
        return MemoryParcel(queue, number, job)

    async def close(self) -> None:
        """What is left is forgotten: the ledger knows it."""


class MemoryEvents:
    """Keeps what was sent, once for each message id."""

    def __init__(self) -> None:
        self.stored: dict[str, tuple[str, bytes]] = {}

    async def send(self, payloads: Sequence[tuple[str, str, bytes]]) -> None:
        for subject, message_id, payload in payloads:
            self.stored.setdefault(message_id, (subject, payload))

    async def close(self) -> None: ...
