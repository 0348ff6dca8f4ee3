"""What a pod remembers of where mail goes, so that a letter seldom costs a call to the directory.

    an address of ours (LOCAL, MOVED, DISABLED)   by address
    no domain of ours (NOT_LOCAL)                 by domain: mail to the world is asked once
    our domain, no such address (UNKNOWN)         by address, 5 s at most

for as long as the directory says, and while it is away for up to an hour more, but UNKNOWN: a new account is not
refused for long. Each table is bounded and forgets the least recently used; UNKNOWN has one of its own, so that whoever
tries out names pushes out nobody who exists. Of many who ask for an address at once, one asks.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from yubin.accounts.port import Destination, Kind
from yubin.errors import Failure, Invalid, Unavailable
from yubin.mail.address import Address

STALE_FOR = 3600.0
UNKNOWN_FOR = 5.0
RETRY = 5.0  # between questions to a directory that is away
BATCH = 1000  # addresses of one call
POSTMASTER = "postmaster"  # the one recipient without a domain (RFC 5321 4.1.1.3)
Answer: TypeAlias = tuple[Sequence[Destination], float]  # and for how many seconds it holds
_UNKNOWN = Destination(kind=Kind.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class _Known:
    destination: Destination
    fresh_until: float
    stale_until: float


_Table: TypeAlias = OrderedDict[str, _Known]
_Found: TypeAlias = dict[str, Destination | Failure]


class Lookups:
    """``ask`` is one call to the directory, of at most BATCH addresses; it raises a Failure."""

    def __init__(
        self,
        ask: Callable[[Sequence[str]], Awaitable[Answer]],
        *,
        entries: int,
        clock: Callable[[], float],
    ) -> None:
        self._ask, self._entries, self._clock = ask, entries, clock
        self._addresses: _Table = OrderedDict()
        self._domains: _Table = OrderedDict()
        self._unknown: _Table = OrderedDict()
        self._under_way: dict[str, asyncio.Task[_Found]] = {}

    async def lookup(self, addresses: Sequence[str]) -> tuple[Destination, ...]:
        names = [_name(address) for address in addresses]
        found: _Found = {"": _UNKNOWN}
        missing = []
        for name in dict.fromkeys(names):
            known = self._known(name)
            if known is not None:
                found[name] = known.destination
            elif name:
                missing.append(name)
        if missing:
            found |= await self._fetched(missing)
        return tuple(_held(found[name]) for name in names)

    def _known(self, name: str) -> _Known | None:
        """What is fresh."""
        now = self._clock()
        for table, key in self._places(name):
            known = table.get(key)
            if known is not None and known.fresh_until > now:
                table.move_to_end(key)
                return known
        return None

    def _places(self, name: str) -> tuple[tuple[_Table, str], ...]:
        return (self._addresses, name), (self._domains, _domain(name)), (self._unknown, name)

    async def _fetched(self, missing: Sequence[str]) -> _Found:
        fresh = [name for name in missing if name not in self._under_way]
        for start in range(0, len(fresh), BATCH):
            self._begin(fresh[start : start + BATCH])
        found: _Found = {}
        for task in dict.fromkeys(self._under_way[name] for name in missing):
            found |= await asyncio.shield(task)  # whoever leaves takes nobody's answer away
        return {name: found[name] for name in missing}

    def _begin(self, batch: list[str]) -> None:
        task = asyncio.create_task(self._asked(batch))
        for name in batch:
            self._under_way[name] = task
        task.add_done_callback(lambda done: self._landed(batch, done))

    def _landed(self, batch: list[str], task: asyncio.Task[_Found]) -> None:
        for name in batch:
            del self._under_way[name]
        if not task.cancelled():
            task.exception()  # looked at, though everybody who waited may have left

    async def _asked(self, batch: Sequence[str]) -> _Found:
        asked = self._clock()
        try:
            destinations, lasts = await self._ask(batch)
        except Failure as failure:
            return {name: self._stale(name, failure) for name in batch}
        found: _Found = dict(zip(batch, destinations, strict=True))
        for name, destination in zip(batch, destinations, strict=True):
            self._remember(name, destination, asked, lasts)
        return found

    def _stale(self, name: str, failure: Failure) -> Destination | Failure:
        now = self._clock()
        for table, key in self._places(name):
            known = table.get(key)
            if known is not None and known.stale_until > now:
                table[key] = replace(known, fresh_until=min(now + RETRY, known.stale_until))
                return known.destination
        if failure.temporary:
            return failure
        return Unavailable(failure.text)  # of ours, and no verdict about the address

    def _remember(self, name: str, destination: Destination, asked: float, lasts: float) -> None:
        places = dict(zip((Kind.LOCAL, Kind.NOT_LOCAL, Kind.UNKNOWN), self._places(name), strict=True))
        kind = destination.kind if destination.kind in places else Kind.LOCAL
        table, key = places.pop(kind)
        for other, obsolete in places.values():
            other.pop(obsolete, None)
        until = asked + (min(lasts, UNKNOWN_FOR) if kind is Kind.UNKNOWN else lasts)
        stale = until if kind is Kind.UNKNOWN else until + STALE_FOR
        table[key] = _Known(destination=destination, fresh_until=until, stale_until=stale)
        table.move_to_end(key)
        if len(table) > self._entries:
            table.popitem(last=False)


def _name(address: str) -> str:
    """The canonical form, or "" for what is no address at all."""
    if address.lower() == POSTMASTER:
        return POSTMASTER
    try:
        return Address.parse(address).canonical
    except (Invalid, UnicodeError):
        return ""


def _domain(name: str) -> str:
    return name.rpartition("@")[2]


def _held(found: Destination | Failure) -> Destination:
    if isinstance(found, Failure):
        raise found
    return found
