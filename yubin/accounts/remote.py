"""The directory from another pod: ``RemoteDirectory`` (Authenticator, SigningKeys, Recipients), ``RemoteSessions``, and
``DirectoryAdmin``.

Logins are remembered by ``logins.py``, where mail goes by ``lookups.py``. Signing keys are remembered as long as the
directory says, and for up to an hour more while it is away: a letter that was accepted is signed, whoever is being
upgraded. That a domain has no key is not held on to. All tables are bounded, the least recently used goes first; the same
question asked at once by many is asked once.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import grpc

from yubin.accounts import wire
from yubin.accounts.administration import DirectoryAdmin
from yubin.accounts.flights import Flights
from yubin.accounts.logins import Logins
from yubin.accounts.lookups import Answer, Lookups
from yubin.accounts.port import Account, Destination, Identity, SigningKey
from yubin.errors import Failure
from yubin.sasl.mechanism import Offer, Proven
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

K = TypeVar("K")
V = TypeVar("V")
__all__ = ["DirectoryAdmin", "RemoteDirectory", "RemoteSessions"]

STALE_FOR = 3600.0
RETRY = 5.0  # between questions to a directory that is away
DEADLINE = 5.0
SESSIONS = 1000  # of one call
DESTINATIONS = 50_000  # remembered addresses, and domains: about 1 KiB each


@dataclass(frozen=True, kw_only=True)
class _Keys:
    keys: tuple[SigningKey, ...]
    fresh_until: float
    stale_until: float


class RemoteDirectory:
    """Implements ``Authenticator``, ``SigningKeys`` and ``Recipients`` of yubin.accounts.port."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        entries: int = 10_000,
        destinations: int = DESTINATIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stub = stubs.DirectoryStub(channel)
        self._entries, self._clock = entries, clock
        self._logins = Logins(self._stub, entries=entries, clock=clock)
        self._keys: OrderedDict[str, _Keys] = OrderedDict()
        self._fetches: Flights[str, tuple[SigningKey, ...]] = Flights()
        self._lookups = Lookups(self._ask, entries=destinations, clock=clock)

    async def authenticate(self, login: str, password: str, *, peer: str, service: str) -> Identity:
        return await self._logins.authenticate(login, password, peer=peer, service=service)

    async def token(self, login: str, token: str, *, peer: str, service: str) -> Identity:
        return await self._logins.token(login, token, peer=peer, service=service)

    async def scram_first(self, message: bytes, *, peer: str, service: str) -> Offer:
        return await self._logins.scram_first(message, peer=peer, service=service)

    async def scram_final(self, message: bytes, state: bytes, *, peer: str, service: str) -> Proven:
        return await self._logins.scram_final(message, state, peer=peer, service=service)

    async def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        known = self._keys.get(domain)
        if known and known.fresh_until > self._clock():
            self._keys.move_to_end(domain)
            return known.keys
        return await self._fetches.join(domain, lambda: self._fetch(domain))

    async def lookup(self, addresses: Sequence[str]) -> tuple[Destination, ...]:
        return await self._lookups.lookup(addresses)

    async def _ask(self, addresses: Sequence[str]) -> Answer:
        answer = await self._stub.Lookup(pb.LookupRequest(addresses=addresses), timeout=DEADLINE)
        return tuple(map(wire.destination_from, answer.destinations)), answer.valid_for_ms / 1000

    async def _fetch(self, domain: str) -> tuple[SigningKey, ...]:
        now = self._clock()
        try:
            answer = await self._stub.SigningKeys(pb.SigningKeysRequest(domain=domain), timeout=DEADLINE)
        except Failure as failure:
            known = self._keys.get(domain)
            if not failure.temporary or known is None or not known.keys or known.stale_until <= now:
                raise
            self._keys[domain] = replace(known, fresh_until=min(self._clock() + RETRY, known.stale_until))
            return known.keys
        keys = tuple(map(wire.key_from, answer.keys))
        until = now + answer.valid_for_ms / 1000
        found = _Keys(keys=keys, fresh_until=until, stale_until=until + STALE_FOR)
        _remember(self._keys, domain, found, self._entries)
        return keys


class RemoteSessions:
    """Implements ``Sessions`` of yubin.accounts.port."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = stubs.DirectoryStub(channel)

    async def renew(self, sessions: Sequence[str]) -> tuple[str, ...]:
        renewed: list[str] = []
        for start in range(0, len(sessions), SESSIONS):
            request = pb.RenewSessionsRequest(sessions=sessions[start : start + SESSIONS])
            renewed += (await self._stub.RenewSessions(request)).sessions
        return tuple(renewed)

    async def open(self, address: str) -> tuple[Account, str]:
        answer = await self._stub.OpenSession(pb.OpenSessionRequest(address=address))
        return wire.account_from(answer.account), answer.session

    async def keys(self) -> tuple[bytes, ...]:
        return tuple((await self._stub.SessionKeys(pb.SessionKeysRequest())).keys)


def _remember(table: OrderedDict[K, V], key: K, value: V, entries: int) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > entries:
        table.popitem(last=False)
