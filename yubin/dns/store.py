"""A bounded cache whose entries have two ends: fresh until one, kept (to stand in when the source fails) until another.

At most ``entries`` and about ``octets``; the least recently used leave first, so a stranger can fill it but not grow it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Generic[V]):
    value: V
    fresh_until: float
    kept_until: float
    octets: int


class Store(Generic[K, V]):
    def __init__(self, entries: int, octets: int, weigh: Callable[[V], int]) -> None:
        self._limit = entries
        self._octets_limit = octets
        self._weigh = weigh
        self._entries: OrderedDict[K, Entry[V]] = OrderedDict()
        self.octets = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K, now: float) -> Entry[V] | None:
        """An entry that is still kept, fresh or not."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.kept_until <= now:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: K, value: V, *, fresh_until: float, kept_until: float) -> None:
        self.drop(key)
        entry = Entry(
            value=value,
            fresh_until=fresh_until,
            kept_until=max(fresh_until, kept_until),
            octets=self._weigh(value),
        )
        self._entries[key] = entry
        self.octets += entry.octets
        while len(self._entries) > self._limit or self.octets > self._octets_limit:
            _key, old = self._entries.popitem(last=False)
            self.octets -= old.octets

    def drop(self, key: K) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self.octets -= entry.octets
