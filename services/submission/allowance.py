"""How many recipients an account may still have this hour, in this pod: a token bucket for each account.

The table is bounded: the account that sent longest ago is forgotten, and comes back with a full bucket.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from yubin.errors import Exhausted

ACCOUNTS = 50_000
HOUR = 3600.0


class Allowance:
    def __init__(self, *, default: int = 0, clock: Callable[[], float] = monotonic) -> None:
        self._default, self._clock = default, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, at

    def left(self, account: str, per_hour: int) -> float:
        limit = per_hour or self._default
        if not limit:
            return float("inf")
        now = self._clock()
        tokens, at = self._buckets.get(account, (float(limit), now))
        return min(float(limit), tokens + (now - at) * limit / HOUR)

    def check(self, account: str, per_hour: int, wanted: int) -> None:
        """Raises Exhausted (452 4.7.1) when ``wanted`` recipients are more than are left."""
        if self.left(account, per_hour) < wanted:
            raise Exhausted("You have sent to too many recipients this hour", enhanced="4.7.1")

    def spend(self, account: str, per_hour: int, recipients: int) -> None:
        left = self.left(account, per_hour)
        if left == float("inf"):
            return
        self._buckets[account] = (left - recipients, self._clock())
        self._buckets.move_to_end(account)
        if len(self._buckets) > ACCOUNTS:
            self._buckets.popitem(last=False)
