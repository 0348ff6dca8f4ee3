"""Logins asked of the directory, and what a pod remembers of those that held.

A password or a token is remembered for as long as the directory says and at most 60 s, under an HMAC of all that was
asked with a key of this process, so that none of it is kept and a dump of this table checks nothing. What did not hold
is never remembered; an identity whose session has lived half its life is asked for again. The table is bounded, the
least recently used goes first; the same question asked at once by many is asked once. SCRAM is never remembered: each
exchange has nonces of its own.
"""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from yubin.accounts import wire
from yubin.accounts.flights import Flights
from yubin.accounts.port import Identity
from yubin.errors import Internal, Unauthenticated, Unavailable
from yubin.sasl.mechanism import FIELD_LIMIT, TOKEN_LIMIT, Offer, Proven
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

IDENTITY_FOR = 60.0  # seconds, at most


@dataclass(frozen=True, kw_only=True)
class _Login:
    identity: Identity
    until: float
    session_until: float

    def at(self, now: float) -> Identity | None:
        """The identity with what is left of its session; None when somebody should ask again."""
        if self.until <= now:
            return None
        left = self.session_until - now
        if not self.identity.session:
            return self.identity
        return replace(self.identity, session_for=left) if left >= self.identity.session_for / 2 else None


class Logins:
    """Implements ``yubin.accounts.port.Authenticator``."""

    def __init__(self, stub: stubs.DirectoryStub, *, entries: int, clock: Callable[[], float]) -> None:
        self._stub, self._entries, self._clock = stub, entries, clock
        self._secret = os.urandom(32)
        self._known: OrderedDict[bytes, _Login] = OrderedDict()
        self._checks: Flights[tuple[bytes, str], Identity] = Flights()

    async def authenticate(self, login: str, password: str, *, peer: str, service: str) -> Identity:
        key = self._key("password", login, password, service, limit=FIELD_LIMIT)
        request = pb.AuthenticateRequest(login=login, password=password, peer=peer, service=service)
        return await self._held(key, peer, lambda: self._stub.Authenticate(request))

    async def token(self, login: str, token: str, *, peer: str, service: str) -> Identity:
        key = self._key("token", login, token, service, limit=TOKEN_LIMIT)
        request = pb.AuthenticateTokenRequest(login=login, token=token, peer=peer, service=service)
        return await self._held(key, peer, lambda: self._stub.AuthenticateToken(request))

    async def scram_first(self, message: bytes, *, peer: str, service: str) -> Offer:
        request = pb.ScramFirstRequest(client_first=message, peer=peer, service=service)
        try:
            answer = await self._stub.ScramFirst(request)
        except (Unavailable, Internal) as failure:
            raise _later() from failure
        return Offer(message=answer.server_first, state=answer.state)

    async def scram_final(self, message: bytes, state: bytes, *, peer: str, service: str) -> Proven:
        request = pb.ScramFinalRequest(client_final=message, state=state, peer=peer, service=service)
        try:
            answer = await self._stub.ScramFinal(request)
        except (Unavailable, Internal) as failure:
            raise _later() from failure
        return Proven(message=answer.server_final, who=wire.identity_from(answer.identity))

    def _key(self, kind: str, login: str, secret: str, service: str, *, limit: int) -> bytes:
        """Raises Unauthenticated for what cannot hold, without a call."""
        try:
            parts = [part.encode() for part in (kind, login, secret, service)]
        except UnicodeEncodeError as error:
            raise _wrong() from error
        if len(parts[1]) > FIELD_LIMIT or len(parts[2]) > limit:
            raise _wrong()
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._secret, framed, "sha256")

    async def _held(
        self, key: bytes, peer: str, call: Callable[[], Awaitable[pb.AuthenticateResponse]]
    ) -> Identity:
        known = self._known.get(key)
        identity = known.at(self._clock()) if known else None
        if identity:
            self._known.move_to_end(key)
            return identity
        return await self._checks.join((key, peer), lambda: self._asked(key, call))

    async def _asked(self, key: bytes, call: Callable[[], Awaitable[pb.AuthenticateResponse]]) -> Identity:
        asked = self._clock()
        try:
            answer = await call()
        except (Unavailable, Internal) as failure:
            raise _later() from failure
        identity = wire.identity_from(answer)
        until = asked + min(answer.valid_for_ms / 1000, IDENTITY_FOR)
        self._known[key] = _Login(identity=identity, until=until, session_until=asked + identity.session_for)
        self._known.move_to_end(key)
        if len(self._known) > self._entries:
            self._known.popitem(last=False)
        return identity


def _wrong() -> Unauthenticated:
    return Unauthenticated("Authentication credentials invalid")


def _later() -> Unavailable:
    """RFC 4954 6."""
    return Unavailable("Temporary authentication failure", code=454, enhanced="4.7.0")
