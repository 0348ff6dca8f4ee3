"""A line before a database: single calls in, batches out.

Whatever arrives while one transaction is under way makes the next; there is no timer, so that an idle database answers at
once and a busy one pays for one commit per group. Each operation has a line of its own, and one transaction under way.

A group that fails because the database is away fails for all. One that fails for another reason is tried again one by
one, so that a bad item harms only itself. A caller who leaves while his group is under way changes nothing; one who
leaves before that takes back what he asked for, but not what he reported.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from prometheus_client import Counter, Histogram

from yubin.errors import Internal, Unavailable

A = TypeVar("A")
R = TypeVar("R")
Run = Callable[[Sequence[A]], Awaitable[Sequence[R]]]

GROUP_LIMIT = 64  # with bodies of 64 KiB, 4 MiB
PAUSES = (0.0, 0.1, 0.3, 1.0, 3.0)  # seconds before each look at what became of an unknown commit
_Place = tuple[A, "asyncio.Future[R]"]


@dataclass(frozen=True, kw_only=True)
class Meters:
    """``what`` is the thing in words. Made once for each, at module level, by ``meters``."""

    what: str
    size: Histogram
    seconds: Histogram
    failures: Counter


def meters(area: str, what: str) -> Meters:
    return Meters(
        what=what,
        size=Histogram(
            f"yubin_{area}_group_size",
            "Items in one transaction.",
            ["operation"],
            buckets=(1, 2, 5, 10, 20, 40, 64),
        ),
        seconds=Histogram(
            f"yubin_{area}_transaction_seconds",
            f"Time of one transaction of the {what}.",
            ["operation"],
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 3, 10, 30),
        ),
        failures=Counter(f"yubin_{area}_failures", "Transactions that failed.", ["operation", "kind"]),
    )


class Line(Generic[A, R]):
    """Those who wait for one operation, and the task that serves them."""

    def __init__(
        self, operation: str, run: Run[A, R], limit: int, measured: Meters, *, reports: bool = False
    ) -> None:
        """``reports``: what is put here is news, which is written also when the bringer has left."""
        self._operation, self._run, self._limit, self._reports = operation, run, limit, reports
        self._measured = measured
        self._size, self._seconds = measured.size.labels(operation), measured.seconds.labels(operation)
        self._waiting: deque[_Place[A, R]] = deque()
        self._server: asyncio.Task[None] | None = None

    async def put(self, item: A) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._server is None:
            name = f"{self._measured.what}-{self._operation}"
            self._server = asyncio.create_task(self._serve(), name=name)
        return await future

    async def drained(self) -> None:
        if self._server:
            await asyncio.wait([self._server])

    async def _serve(self) -> None:
        group: list[_Place[A, R]] = []
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
                if not self._reports:
                    group = [place for place in group if not place[1].done()]
                if group:
                    await self._settle(group)
        finally:
            self._server = None
            self._fail([*group, *self._waiting], Unavailable(f"the {self._measured.what} is closing"))
            self._waiting.clear()

    async def _settle(self, group: list[_Place[A, R]]) -> None:
        try:
            answers = await self._transact([item for item, _ in group])
        except Unavailable as failure:
            self._fail(group, failure)
        except Exception as failure:  # noqa: BLE001 - answered to the one whose item it is
            if len(group) == 1:
                self._fail(group, failure)
            else:
                for place in group:
                    await self._settle([place])
        else:
            for (_, future), answer in zip(group, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _transact(self, items: list[A]) -> Sequence[R]:
        self._size.observe(len(items))
        began = perf_counter()
        try:
            return await self._run(items)
        except Exception as failure:
            kind = "away" if isinstance(failure, Unavailable) else "fault"
            self._measured.failures.labels(self._operation, kind).inc()
            raise
        finally:
            self._seconds.observe(perf_counter() - began)

    def _fail(self, group: list[_Place[A, R]], failure: Exception) -> None:
        """Each gets an exception of its own, since a traceback grows with whoever raises it."""
        for _, future in group:
            if not future.done():
                future.set_exception(_copy(failure, self._measured.what))


async def look(ask: Callable[[], Awaitable[R]], pauses: Sequence[float]) -> R:
    """Ask until the database answers, for a while."""
    for pause in pauses[:-1]:
        await asyncio.sleep(pause)
        try:
            return await ask()
        except Unavailable:
            continue
    await asyncio.sleep(pauses[-1])
    return await ask()


def _copy(failure: Exception, what: str) -> Exception:
    if isinstance(failure, Unavailable):
        copy: Exception = type(failure)(failure.text, code=failure.code, enhanced=failure.enhanced)
    else:
        copy = Internal(f"the {what} refused this letter")
    copy.__cause__ = failure
    return copy
