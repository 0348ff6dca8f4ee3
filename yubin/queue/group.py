"""Group commit: single calls in, batches out.

Whatever arrives while one transaction is under way makes the next; there is no timer, so that an idle ledger answers at
once and a busy one pays for one commit per group. Each operation has a line of its own, and one transaction under way.

A group that fails because the database is away fails for all. One that fails for another reason is tried again one by
one, so that a bad letter harms only itself. When the outcome of a commit is unknown, letters are looked up before
anybody is answered, and what may be said twice (a result, a mark) is said again. A caller who leaves while his group is
under way changes nothing; one who leaves before that takes back what he asked for, but not what he reported.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from itertools import groupby
from typing import Any, Generic, TypeVar

from prometheus_client import Counter, Histogram

from yubin.errors import Internal, Unavailable
from yubin.queue.port import Claim, Finished, Hold, Ledger, Letter, OutcomeUnknown, Release, Result, Ticket

A = TypeVar("A")
R = TypeVar("R")
Run = Callable[[Sequence[A]], Awaitable[Sequence[R]]]

GROUP_LIMIT = 64  # with bodies of 64 KiB, 4 MiB
PAUSES = (0.0, 0.1, 0.3, 1.0, 3.0)  # seconds before each look at what became of an unknown commit

_SIZE = Histogram(
    "yubin_queue_group_size", "Items in one transaction.", ["operation"], buckets=(1, 2, 5, 10, 20, 40, 64)
)
_SECONDS = Histogram(
    "yubin_queue_transaction_seconds",
    "Time of one transaction of the ledger.",
    ["operation"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 3, 10, 30),
)
_FAILURES = Counter("yubin_queue_failures", "Transactions that failed.", ["operation", "kind"])


class Grouped:
    """Single-item versions of the busy operations; everything else is the ledger's, unchanged."""

    def __init__(self, ledger: Ledger, *, limit: int = GROUP_LIMIT, pauses: Sequence[float] = PAUSES) -> None:
        self.ledger = ledger
        self._pauses = pauses
        again = self._again
        self._accept: _Line[Letter, None] = _Line("accept", self._accept_group, limit)
        self._claim: _Line[_Asked[Ticket], Claim | None] = _Line(
            "claim", _each_kind(self._claim_group), limit
        )
        self._mark: _Line[Hold, bool] = _Line("mark_in_doubt", again(ledger.mark_in_doubt), limit)
        self._finish: _Line[Result, Finished] = _Line("finish", again(ledger.finish), limit, reports=True)
        self._release: _Line[Release, bool] = _Line("release", ledger.release, limit, reports=True)
        self._reroute: _Line[_Asked[Ticket], bool] = _Line(
            "reroute", _each_kind(self._reroute_group), limit, reports=True
        )
        self.known, self.message, self.body = ledger.known, ledger.message, ledger.body
        self.track, self.list, self.wish, self.flush = ledger.track, ledger.list, ledger.wish, ledger.flush
        self.due_sites, self.claim_due, self.renew = ledger.due_sites, ledger.claim_due, ledger.renew
        self.expire, self.reports_due, self.report = ledger.expire, ledger.reports_due, ledger.report
        self.unrelayed, self.relayed = ledger.unrelayed, ledger.relayed
        self.depth, self.sweep, self.ping = ledger.depth, ledger.sweep, ledger.ping

    async def accept(self, letter: Letter) -> None:
        """Durable on return. Raises Unavailable when it is not, or when nobody can tell."""
        await self._accept.put(letter)

    async def claim(self, ticket: Ticket, *, owner: str, lease: float) -> Claim | None:
        return await self._claim.put(((owner, lease), ticket))

    async def mark_in_doubt(self, hold: Hold) -> bool:
        return await self._mark.put(hold)

    async def finish(self, result: Result) -> Finished:
        return await self._finish.put(result)

    async def release(self, release: Release) -> bool:
        return await self._release.put(release)

    async def reroute(self, ticket: Ticket, *, delay: float) -> bool:
        return await self._reroute.put((delay, ticket))

    async def close(self) -> None:
        """Sees through what was asked for, then closes the ledger."""
        for line in (self._accept, self._claim, self._mark, self._finish, self._release, self._reroute):
            await line.drained()
        await self.ledger.close()

    async def _accept_group(self, letters: Sequence[Letter]) -> Sequence[None]:
        try:
            await self.ledger.accept(letters)
        except OutcomeUnknown:
            ids = [letter.message.id for letter in letters]
            if not (await self._look(lambda: self.ledger.known(ids))).issuperset(ids):
                raise
        return [None] * len(letters)

    async def _claim_group(self, how: Any, tickets: Sequence[Ticket]) -> Sequence[Claim | None]:
        owner, lease = how
        return await self.ledger.claim(tickets, owner=owner, lease=lease)

    async def _reroute_group(self, delay: Any, tickets: Sequence[Ticket]) -> Sequence[bool]:
        return await self.ledger.reroute(tickets, delay=delay)

    def _again(self, run: Run[A, R]) -> Run[A, R]:
        """For what may be said twice."""

        async def twice(items: Sequence[A]) -> Sequence[R]:
            try:
                return await run(items)
            except OutcomeUnknown:
                return await self._look(lambda: run(items))

        return twice

    async def _look(self, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask until the database answers, for a while."""
        for pause in self._pauses[:-1]:
            await asyncio.sleep(pause)
            try:
                return await ask()
            except Unavailable:
                continue
        await asyncio.sleep(self._pauses[-1])
        return await ask()


_Asked = tuple[Hashable, A]
_Place = tuple[A, "asyncio.Future[R]"]


class _Line(Generic[A, R]):
    """Those who wait for one operation, and the task that serves them."""

    def __init__(self, operation: str, run: Run[A, R], limit: int, *, reports: bool = False) -> None:
        """``reports``: what is put here is news, which is written also when the bringer has left."""
        self._operation, self._run, self._limit, self._reports = operation, run, limit, reports
        self._waiting: deque[_Place[A, R]] = deque()
        self._server: asyncio.Task[None] | None = None

    async def put(self, item: A) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._server is None:
            self._server = asyncio.create_task(self._serve(), name=f"ledger-{self._operation}")
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
            _fail([*group, *self._waiting], Unavailable("the ledger is closing"))
            self._waiting.clear()

    async def _settle(self, group: list[_Place[A, R]]) -> None:
        try:
            answers = await self._transact([item for item, _ in group])
        except Unavailable as failure:
            _fail(group, failure)
        except Exception as failure:  # noqa: BLE001 - answered to the one whose item it is
            if len(group) == 1:
                _fail(group, failure)
            else:
                for place in group:
                    await self._settle([place])
        else:
            for (_, future), answer in zip(group, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _transact(self, items: list[A]) -> Sequence[R]:
        _SIZE.labels(self._operation).observe(len(items))
        with _SECONDS.labels(self._operation).time():
            try:
                return await self._run(items)
            except Exception as failure:
                _FAILURES.labels(
                    self._operation, "away" if isinstance(failure, Unavailable) else "fault"
                ).inc()
                raise


def _each_kind(run: Callable[[Any, Sequence[A]], Awaitable[Sequence[R]]]) -> Run[_Asked[A], R]:
    """Items that were asked for in different ways go in different batches; mostly there is one way."""

    async def all_kinds(items: Sequence[_Asked[A]]) -> Sequence[R]:
        answers: list[R] = []
        for how, some in groupby(items, key=lambda asked: asked[0]):
            answers += await run(how, [item for _, item in some])
        return answers

    return all_kinds


def _fail(group: Sequence[_Place[Any, Any]], failure: Exception) -> None:
    """Each gets an exception of its own, since a traceback grows with whoever raises it."""
    for _, future in group:
        if not future.done():
            future.set_exception(_copy(failure))


def _copy(failure: Exception) -> Exception:
    if isinstance(failure, Unavailable):
        copy: Exception = type(failure)(failure.text, code=failure.code, enhanced=failure.enhanced)
    else:
        copy = Internal("the ledger refused this letter")
    copy.__cause__ = failure
    return copy
