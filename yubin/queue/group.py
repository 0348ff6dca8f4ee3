"""Group commit: single calls in, batches out (yubin.database.group).

When the outcome of a commit is unknown, letters are looked up before anybody is answered, and what may be said twice (a
result, a mark) is said again. Results, releases and reroutes are news, which are written also when who brought them left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from yubin.database.group import GROUP_LIMIT, PAUSES, Line, Run, look, meters
from yubin.queue.port import Claim, Finished, Hold, Ledger, Letter, OutcomeUnknown, Release, Result, Ticket

A = TypeVar("A")
R = TypeVar("R")
_Asked = tuple[Hashable, A]
_METERS = meters("queue", "ledger")


class Grouped:
    """Single-item versions of the busy operations; everything else is the ledger's, unchanged."""

    def __init__(self, ledger: Ledger, *, limit: int = GROUP_LIMIT, pauses: Sequence[float] = PAUSES) -> None:
        self.ledger = ledger
        self._pauses = pauses
        again = self._again
        self._accept: Line[Letter, None] = Line("accept", self._accept_group, limit, _METERS)
        self._claim: Line[_Asked[Ticket], Claim | None] = Line(
            "claim", _each_kind(self._claim_group), limit, _METERS
        )
        self._mark: Line[Hold, bool] = Line("mark_in_doubt", again(ledger.mark_in_doubt), limit, _METERS)
        self._finish: Line[Result, Finished] = Line(
            "finish", again(ledger.finish), limit, _METERS, reports=True
        )
        self._release: Line[Release, bool] = Line("release", ledger.release, limit, _METERS, reports=True)
        self._reroute: Line[_Asked[Ticket], bool] = Line(
            "reroute", _each_kind(self._reroute_group), limit, _METERS, reports=True
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
            if not (await look(lambda: self.ledger.known(ids), self._pauses)).issuperset(ids):
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
                return await look(lambda: run(items), self._pauses)

        return twice


def _each_kind(run: Callable[[Any, Sequence[A]], Awaitable[Sequence[R]]]) -> Run[_Asked[A], R]:
    """Items that were asked for in different ways go in different batches; mostly there is one way."""

    async def all_kinds(items: Sequence[_Asked[A]]) -> Sequence[R]:
        answers: list[R] = []
        for how, some in groupby(items, key=lambda asked: asked[0]):
            answers += await run(how, [item for _, item in some])
        return answers

    return all_kinds
