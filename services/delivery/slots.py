"""Room: how many deliveries may be under way, in the whole pod and to each site.

A slot is taken before a row is claimed and given back when its attempt has been written, so what a pod has claimed it
can also send soon: a site has three slots for each connection that it may have, so that a connection never waits for
the ledger. Fresh jobs may stand in line for a slot for a moment; the line is bounded. Bulk mail leaves a fifth of the
pod to interactive mail.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from yubin.dispatch.port import Lane

RESERVED = 0.2  # share of the slots that bulk mail does not take
AHEAD = 3  # slots for each connection of a site
LINE = 5  # jobs in line for each slot of a site


class Slots:
    def __init__(self, total: int, per_site: int) -> None:
        self.total = total
        self.per_site = per_site
        self.taken = 0
        self._sites: Counter[str] = Counter()
        self._lines: dict[str, deque[asyncio.Future[bool]]] = {}
        self._freed = asyncio.Event()

    def free(self, lane: Lane = Lane.HI) -> int:
        reserve = int(self.total * RESERVED) if lane is Lane.LO else 0
        return max(0, self.total - reserve - self.taken)

    def free_at(self, site: str) -> int:
        return max(0, min(self.per_site - self._sites[site], self.total - self.taken))

    def busy_sites(self) -> int:
        return len(self._sites)

    def take(self, site: str) -> bool:
        if self.free_at(site) == 0:
            return False
        self.taken += 1
        self._sites[site] += 1
        return True

    async def wait(self, site: str, seconds: float) -> bool:
        """Takes a slot, standing in line for it at most ``seconds``; False when the line is full or time is up."""
        if self.take(site):
            return True
        line = self._lines.setdefault(site, deque())
        if len(line) >= LINE * self.per_site:
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(seconds):
                return await turn
        except TimeoutError:
            return turn.done() and not turn.cancelled()
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(site)
            raise

    def move(self, old: str, new: str) -> bool:
        """A row turned out to belong to another site; False when that one is full (the old slot is kept)."""
        if old == new:
            return True
        if self._sites[new] >= self.per_site:
            return False
        self._sites[new] += 1
        self._drop(old)
        return True

    def give(self, site: str) -> None:
        self.taken -= 1
        self._drop(site)
        self._next(site)
        self._freed.set()

    async def freed(self, timeout: float) -> None:  # noqa: ASYNC109 - a bound on a wait is this method's argument
        """Waits until a slot is given back, at most ``timeout`` seconds."""
        self._freed.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._freed.wait()
        except TimeoutError:
            return

    def _next(self, site: str) -> None:
        """Hands the free slot to whoever is first in line."""
        line = self._lines.get(site)
        while line:
            turn = line.popleft()
            if not turn.done():
                if self.take(site):
                    turn.set_result(True)
                else:
                    line.appendleft(turn)
                break
        if line is not None and not line:
            del self._lines[site]

    def _drop(self, site: str) -> None:
        self._sites[site] -= 1
        if self._sites[site] <= 0:
            del self._sites[site]
