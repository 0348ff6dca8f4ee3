"""Leases: what this pod has claimed, counted on its own monotonic clock from before the claim was sent (DESIGN I2).

One batched renewal keeps them all; a claim that the ledger no longer grants has zero seconds left from then on, and
its session sends neither DATA nor the final dot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from yubin.errors import Unavailable
from yubin.queue.port import Claim, Hold, Ledger

log = structlog.get_logger()
LOST = Counter("yubin_delivery_leases_lost", "claims that ended before their attempt did")


@dataclass
class Lease:
    """``until`` on the pod's monotonic clock. ``marked``: the in-doubt mark was requested."""

    hold: Hold
    until: float
    clock: Callable[[], float]
    marked: bool = False

    def left(self) -> float:
        return self.until - self.clock()


class Leases:
    def __init__(self, ledger: Ledger, *, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self.clock = clock
        self._ledger = ledger
        self._held: dict[Hold, Lease] = {}

    def take(self, claim: Claim, sent_at: float) -> Lease:
        """``sent_at``: the clock before the claim was sent."""
        hold = Hold(delivery_id=claim.delivery_id, epoch=claim.epoch)
        lease = self._held[hold] = Lease(hold, sent_at + self.seconds, self.clock)
        return lease

    def drop(self, lease: Lease) -> None:
        self._held.pop(lease.hold, None)

    async def keep(self) -> None:
        """Renews all leases at a third of their time, until it is cancelled."""
        while True:
            await asyncio.sleep(self.seconds / 3)
            await self.renew()

    async def renew(self) -> None:
        leases = [lease for lease in self._held.values() if lease.left() <= self.seconds]  # never shortened
        for start in range(0, len(leases), 500):
            part, sent_at = leases[start : start + 500], self.clock()
            try:
                granted = await self._ledger.renew([lease.hold for lease in part], lease=self.seconds)
            except Unavailable as failure:
                log.warning(
                    "Leases could not be renewed.", action="renew", why=failure.text, leases=len(part)
                )
                continue
            for lease, ours in zip(part, granted, strict=True):
                lease.until = sent_at + self.seconds if ours else lease.until
                if not ours and lease.hold in self._held:
                    self._lose(lease)

    def _lose(self, lease: Lease) -> None:
        LOST.inc()
        lease.until = self.clock()
        log.warning("A claim is no longer ours.", action="lease", delivery=str(lease.hold.delivery_id))
