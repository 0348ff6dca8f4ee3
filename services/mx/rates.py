"""How often a network may connect: so many times a minute from an IPv4 /24 or an IPv6 /64 (CASES E12).

A counter for this minute and one for the last, whose share in the minute that ends now is taken as even: two numbers
for each network instead of a list of times. The table is bounded; who came longest ago is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_network
from time import monotonic

from yubin.errors import Exhausted

NETWORKS = 100_000
MINUTE = 60.0


def network(peer: str) -> str:
    """What is counted as one; "" for a peer without an address."""
    if ":" in peer:
        return str(ip_network((peer.partition("%")[0], 64), strict=False))
    return peer.rpartition(".")[0]


class Rates:
    def __init__(self, per_minute: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()  # minute, in it, in the last

    def arrive(self, peer: str) -> None:
        """Raises Exhausted (421 4.7.0) for one too many, who is not counted: a busy network is slowed, not shut out."""
        key, now = network(peer), self._clock() / MINUTE
        minute = int(now)
        then, here, before = self._counts.get(key, (minute, 0, 0))
        if then != minute:
            here, before = 0, here if then == minute - 1 else 0
        if here + 1 + before * (1 - (now - minute)) > self._per_minute:
            raise Exhausted("Too many connections from your network", code=421, enhanced="4.7.0")
        self._counts[key] = (minute, here + 1, before)
        self._counts.move_to_end(key)
        if len(self._counts) > NETWORKS:
            self._counts.popitem(last=False)
