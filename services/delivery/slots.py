"""Room: how many deliveries may be under way, in the whole pod and to each site.

A slot is taken before a row is claimed and given back when its attempt has been written, so what a pod has claimed it
can also send. Bulk mail leaves a fifth of the pod to interactive mail.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from yubin.dispatch.port import Lane

RESERVED = 0.2  # share of the slots that bulk mail does not take


class Slots:
    def __init__(self, total: int, per_site: int) -> None:
        self.total = total
        self.per_site = per_site
        self.taken = 0
        self._sites: Counter[str] = Counter()
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
        self._freed.set()

    async def freed(self, timeout: float) -> None:  # noqa: ASYNC109 - a bound on a wait is this method's argument
        """Waits until a slot is given back, at most ``timeout`` seconds."""
        self._freed.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._freed.wait()
        except TimeoutError:
            return

    def _drop(self, site: str) -> None:
        self._sites[site] -= 1
        if self._sites[site] <= 0:
            del self._sites[site]
