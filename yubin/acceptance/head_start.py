"""Which deliveries are published at once, and which are left for the ledger inlet (DESIGN 3, "two inlets").

A token bucket for each tenant and domain: the letters of an ordinary day always find a token; of a 200,000-letter
blast the most stay in the ledger, where they stand in nobody's way. The table of buckets is bounded: the one that was
used longest ago is forgotten, and comes back full, which errs on the generous side.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

BUCKETS = 50_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class HeadStart:
    """``rate`` tokens a second come back, up to ``burst``. ``rate`` 0 and ``burst`` 0: nothing is published."""

    def __init__(
        self, *, rate: float = 50.0, burst: float = 500.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def draw(self, tenant: str, domain: str) -> bool:
        key, now = (tenant, domain), self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
            if len(self._buckets) > BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
