"""Answers kept for as long as they hold, and a little longer for the day on which a server fails.

- Fresh by their TTL, clamped; negative answers by the SOA (RFC 2308 5), failures for a few seconds (RFC 2308 7).
- Stale (RFC 8767): an expired answer stands in when its refreshment fails, or takes longer than ``patience``, up to
  ``stale_for`` seconds; NXDOMAIN never does, for it would refuse mail on old news.
- One query for many askers.
- Bounded in entries and octets. Answers without records lie in a store of their own, so that a flood of names that do
  not exist (CASES D12) pushes out none that do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from yubin.dns import metrics
from yubin.dns.flight import SingleFlight
from yubin.dns.port import Answer, Lookup, Outcome
from yubin.dns.store import Entry, Store

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds, entries, octets. ``ttl_min`` also applies to a TTL of 0, ``patience`` only where a stale answer is held."""

    entries: int = 100_000
    negatives: int = 50_000
    octets: int = 64 * 1024 * 1024
    ttl_min: float = 5.0
    ttl_max: float = 86_400.0
    negative_max: float = 900.0
    failure: float = 5.0
    stale_for: float = 86_400.0
    recheck: float = 30.0
    patience: float = 1.8


class CachedLookup:
    def __init__(
        self, inner: Lookup, terms: Terms = Terms(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner = inner
        self._terms = terms
        self._clock = clock
        self._found: Store[Key, Answer] = Store(terms.entries, terms.octets, weigh)
        self._none: Store[Key, Answer] = Store(terms.negatives, terms.octets, weigh)
        self._flight: SingleFlight[Key, Answer] = SingleFlight()

    def __len__(self) -> int:
        return len(self._found) + len(self._none)

    async def query(self, name: str, rdtype: str) -> Answer:
        key = (name.lower().removesuffix("."), rdtype)
        now = self._clock()
        held = self._held(key, now)
        if held is not None and held.fresh_until > now:
            metrics.CACHE.labels("stale" if held.value.stale else "hit").inc()
            return replace(held.value, ttl=held.fresh_until - now)
        stand_in = held.value if held is not None else None
        metrics.CACHE.labels("joined" if key in self._flight else "miss").inc()
        try:
            patience = self._terms.patience if stand_in is not None else None
            return await self._flight.join(key, lambda: self._ask(key), patience)
        except TimeoutError:
            if stand_in is None:
                raise
            metrics.CACHE.labels("stale").inc()
            return replace(stand_in, stale=True, ttl=self._terms.recheck)

    def _held(self, key: Key, now: float) -> Entry[Answer] | None:
        return self._found.get(key, now) or self._none.get(key, now)

    async def _ask(self, key: Key) -> Answer:
        answer = await self._inner.query(*key)
        now = self._clock()
        if answer.outcome is Outcome.TEMPORARY:
            answer = self._instead(key, answer, now)
        else:
            answer = replace(answer, ttl=self._clamped(answer))
            old = answer.outcome is not Outcome.NXDOMAIN
            self._keep(key, answer, now, now + answer.ttl + (self._terms.stale_for if old else 0))
        metrics.CACHE_ENTRIES.labels("found").set(len(self._found))
        metrics.CACHE_ENTRIES.labels("none").set(len(self._none))
        return answer

    def _instead(self, key: Key, failure: Answer, now: float) -> Answer:
        """What stands in for a failure: the stale answer, not asked for again before ``recheck`` (RFC 8767 5)."""
        held = self._held(key, now)
        if held is None or held.value.outcome is Outcome.TEMPORARY:
            failure = replace(failure, ttl=self._terms.failure)
            self._keep(key, failure, now, now)
            return failure
        metrics.CACHE.labels("stale").inc()
        answer = replace(held.value, stale=True, ttl=self._terms.recheck)
        self._keep(key, answer, now, held.kept_until)
        return answer

    def _keep(self, key: Key, answer: Answer, now: float, kept_until: float) -> None:
        here, there = self._found, self._none
        if answer.outcome is not Outcome.FOUND:
            here, there = there, here
        there.drop(key)
        here.put(key, answer, fresh_until=now + answer.ttl, kept_until=kept_until)

    def _clamped(self, answer: Answer) -> float:
        found = answer.outcome is Outcome.FOUND
        longest = self._terms.ttl_max if found else self._terms.negative_max
        return min(max(answer.ttl, self._terms.ttl_min), longest)


def weigh(answer: Answer) -> int:
    """Octets in memory, roughly."""
    names = len(answer.name) + sum(100 + len(a) for a in answer.aliases)
    return 500 + names + sum(150 + len(r.value) for r in answer.records)
