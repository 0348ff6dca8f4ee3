"""Group commit: whatever arrives while one transaction is under way makes the next. No timer, no lost millisecond.

One group for each kind of write (accept, claim, mark, finish, reroute, release). A caller that leaves before its group
has begun leaves the group; one that leaves later changes nothing. When the database is away the whole group hears so.
A group that fails for any other reason is retried one by one, so that a bad letter harms only itself. When nobody
knows whether a COMMIT happened, accepted ids are looked up before anybody is answered (DESIGN section 3).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter, Histogram

from yubin.errors import Unavailable
from yubin.queue.port import (
    Claim,
    Finished,
    Hold,
    Ledger,
    Letter,
    OutcomeUnknown,
    Release,
    Result,
    Ticket,
)

log = structlog.get_logger()
T = TypeVar("T")
R = TypeVar("R")
SIZE = Histogram(
    "yubin_ledger_group_size", "writes in one transaction", ["operation"], buckets=(1, 2, 5, 10, 20, 50, 100)
)
SECONDS = Histogram(
    "yubin_ledger_seconds",
    "one transaction of the ledger",
    ["operation"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30),
)
FAILURES = Counter("yubin_ledger_failures", "transactions that failed", ["operation"])
MOST = 100  # writes in one transaction: bodies lie in rows of up to 64 KiB
LOOK_UPS = (0.1, 0.5, 2.0)  # seconds before each further try to learn what became of a COMMIT


class Group(Generic[T, R]):
    """``run`` is given items in the order in which they came, and returns as many answers."""

    def __init__(
        self, name: str, run: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int = MOST
    ) -> None:
        self._name = name
        self._run = run
        self._most = most
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: T) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name=f"group-{self._name}")
        return await future

    async def idle(self) -> None:
        """Waits until nothing is under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                part = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                part = [(item, future) for item, future in part if not future.done()]
                if part:
                    await self._commit(part)
        finally:
            self._task = None

    async def _commit(self, part: list[tuple[T, asyncio.Future[R]]]) -> None:
        SIZE.labels(self._name).observe(len(part))
        began = time.perf_counter()
        try:
            answers = await self._run([item for item, _ in part])
        except Exception as failure:  # noqa: BLE001 - each caller gets it, or its own
            FAILURES.labels(self._name).inc()
            if len(part) > 1 and not isinstance(failure, Unavailable):
                log.warning("A group failed and is retried one by one.", action="group", operation=self._name)
                for one in part:
                    await self._commit([one])
                return
            for _, future in part:
                if not future.done():
                    future.set_exception(failure)
            return
        finally:
            SECONDS.labels(self._name).observe(time.perf_counter() - began)
        for (_, future), answer in zip(part, answers, strict=True):
            if not future.done():
                future.set_result(answer)


class Grouped:
    """A ledger whose hot writes take one item each; everything else is the ledger's own."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._accepts: Group[Letter, None] = Group("accept", self._accept)
        self._claims: Group[tuple[Ticket, str, float], Claim | None] = Group("claim", self._claim)
        self._marks: Group[Hold, bool] = Group("mark", ledger.mark_in_doubt)
        self._results: Group[Result, Finished] = Group("finish", ledger.finish)
        self._releases: Group[Release, bool] = Group("release", ledger.release)
        self._reroutes: Group[tuple[Ticket, float], bool] = Group("reroute", self._reroute)
        self.known, self.message, self.body, self.track = (
            ledger.known,
            ledger.message,
            ledger.body,
            ledger.track,
        )
        self.list, self.wish, self.flush, self.ping = ledger.list, ledger.wish, ledger.flush, ledger.ping
        self.due_sites, self.claim_due, self.renew = ledger.due_sites, ledger.claim_due, ledger.renew

    async def accept(self, letter: Letter) -> None:
        """Durable on return. Raises Unavailable."""
        await self._accepts.put(letter)

    async def claim(self, ticket: Ticket, *, owner: str, lease: float) -> Claim | None:
        return await self._claims.put((ticket, owner, lease))

    async def mark_in_doubt(self, hold: Hold) -> bool:
        return await self._marks.put(hold)

    async def finish(self, result: Result) -> Finished:
        return await self._results.put(result)

    async def release(self, release: Release) -> bool:
        return await self._releases.put(release)

    async def reroute(self, ticket: Ticket, *, delay: float) -> bool:
        return await self._reroutes.put((ticket, delay))

    async def close(self) -> None:
        """Writes what is under way, then closes the ledger."""
        for group in (
            self._accepts,
            self._claims,
            self._marks,
            self._results,
            self._releases,
            self._reroutes,
        ):
            await group.idle()
        await self.ledger.close()

    async def _accept(self, letters: Sequence[Letter]) -> Sequence[None]:
        try:
            await self.ledger.accept(letters)
        except OutcomeUnknown as unknown:
            await self._look_up(letters, unknown)
        return [None] * len(letters)

    async def _look_up(self, letters: Sequence[Letter], unknown: OutcomeUnknown) -> None:
        """Returns when all of them are there; raises Unavailable when they are not, or nobody can say."""
        wanted = [letter.message.id for letter in letters]
        for pause in LOOK_UPS:
            await asyncio.sleep(pause)
            try:
                found = await self.ledger.known(wanted)
            except Unavailable:
                continue
            log.warning(
                "A COMMIT was looked up.",
                action="group",
                operation="accept",
                found=len(found),
                of=len(wanted),
            )
            if len(found) == len(set(wanted)):  # one transaction: all or none
                return
            break
        raise Unavailable(unknown.text) from unknown

    async def _claim(self, wishes: Sequence[tuple[Ticket, str, float]]) -> Sequence[Claim | None]:
        """One statement for each (owner, lease); a pod has one of each."""
        answers: dict[int, Claim | None] = {}
        for terms in {(owner, lease) for _, owner, lease in wishes}:
            places = [i for i, (_, *own) in enumerate(wishes) if tuple(own) == terms]
            claims = await self.ledger.claim([wishes[i][0] for i in places], owner=terms[0], lease=terms[1])
            answers.update(zip(places, claims, strict=True))
        return [answers[i] for i in range(len(wishes))]

    async def _reroute(self, wishes: Sequence[tuple[Ticket, float]]) -> Sequence[bool]:
        answers: dict[int, bool] = {}
        for delay in {delay for _, delay in wishes}:
            places = [i for i, (_, own) in enumerate(wishes) if own == delay]
            done = await self.ledger.reroute([wishes[i][0] for i in places], delay=delay)
            answers.update(zip(places, done, strict=True))
        return [answers[i] for i in range(len(wishes))]
