"""Throttle: how often a password may be wrong, per address and per login, in tables of bounded size.

Each address and each login has a bucket of tokens. A check takes one from both *before* it is made, so that a thousand
at once are no way around; a password that holds gives them back, and so only failures (and callers that left) cost
any. An empty bucket answers 454 4.7.0 and fills again, one token every ``refill`` seconds. Rejected checks take
nothing.

An account that is under attack from everywhere stays open to those who are known: an address from which this login
has succeeded lately takes no token of the login. It still takes those of its own address.

An IPv6 address counts as its /64, which is what one customer has. The tables forget the least recently used, and a
stranger can only add to the first two: to push out one entry of them costs a token of another address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from yubin.errors import Exhausted

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """``burst`` failures at once, then one every ``refill`` seconds."""

    burst: int
    refill: float


PEER = Rate(burst=30, refill=10.0)
LOGIN = Rate(burst=20, refill=30.0)
ENTRIES = 50_000  # of each table
KNOWN_FOR = 30 * 86400.0


class Buckets:
    """By key; one that is not in the table is full."""

    def __init__(self, rate: Rate, *, entries: int, clock: Clock) -> None:
        self._rate, self._entries, self._clock = rate, entries, clock
        self._level: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def __len__(self) -> int:
        return len(self._level)

    def take(self, key: str) -> bool:
        now = self._clock()
        tokens = self._tokens(key, now)
        enough = tokens >= 1
        self._level[key] = (tokens - 1 if enough else tokens, now)
        self._level.move_to_end(key)
        if len(self._level) > self._entries:
            self._level.popitem(last=False)
        return enough

    def give_back(self, key: str) -> None:
        if key not in self._level:
            return
        now = self._clock()
        tokens = self._tokens(key, now) + 1
        if tokens >= self._rate.burst:
            del self._level[key]
        else:
            self._level[key] = (tokens, now)

    def _tokens(self, key: str, now: float) -> float:
        tokens, at = self._level.get(key, (float(self._rate.burst), now))
        return min(self._rate.burst, tokens + (now - at) / self._rate.refill)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    login: str
    peer: str
    known: bool


class Throttle:
    """``enter`` before a check; then one of ``held``, ``undone``, or nothing when the password was wrong."""

    def __init__(
        self, peer: Rate = PEER, login: Rate = LOGIN, *, entries: int = ENTRIES, clock: Clock = time.monotonic
    ) -> None:
        self._peers = Buckets(peer, entries=entries, clock=clock)
        self._logins = Buckets(login, entries=entries, clock=clock)
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()  # until when
        self._entries, self._clock = entries, clock

    def enter(self, login: str, peer: str) -> Attempt:
        """Raises Exhausted (454 4.7.0)."""
        source = network(peer)
        if not self._peers.take(source):
            raise _refused()
        known = self._known.get((login, source), 0.0) > self._clock()
        if not known and not self._logins.take(login):
            self._peers.give_back(source)
            raise _refused()
        return Attempt(login=login, peer=source, known=known)

    def held(self, attempt: Attempt) -> None:
        """The password was right."""
        self.undone(attempt)
        key = (attempt.login, attempt.peer)
        self._known[key] = self._clock() + KNOWN_FOR
        self._known.move_to_end(key)
        if len(self._known) > self._entries:
            self._known.popitem(last=False)

    def undone(self, attempt: Attempt) -> None:
        """The check was not made, for a reason of ours."""
        self._peers.give_back(attempt.peer)
        if not attempt.known:
            self._logins.give_back(attempt.login)


def network(peer: str) -> str:
    """What an address is counted as."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))


def _refused() -> Exhausted:
    return Exhausted("Too many failed logins, try again later", code=454, enhanced="4.7.0")
