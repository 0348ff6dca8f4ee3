"""SCRAM-SHA-256 (RFC 5802, RFC 7677): the directory's half, in two calls that any two of its pods may answer.

What the second call needs of the first goes to the caller and comes back, sealed (AES-GCM) with a key that only
directory pods have and bound to peer and service: the client's first message, our answer, until when. It holds the
verifier of nobody: that is read again, so that a new password or a disabled account counts at once.

Replay (CASES F10): our part of the nonce is 18 random octets of each exchange, so that messages overheard from another
exchange prove nothing here. A state is good for one success in the pod that answers; another pod would take it once
more within 60 s, but only from the pod that the exchange was with: nobody else ever has the state.

A login that is unknown, disabled or without a verifier gets an offer with a salt that stays the same, and no proof of it
ever holds: the same steps, the same words. A proof costs the throttle what a password does; an offer costs it nothing.
"""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.directory.derived import derived
from services.directory.door import Door, account_of, lookup
from services.directory.verifiers import Verifiers
from yubin.accounts.port import MAIL_SERVICES, SCRAM, Accounts, Holder, Identity
from yubin.sasl import scram
from yubin.sasl.mechanism import Offer, Proven, wrong
from yubin.sasl.scram import ClientFinal, ClientFirst, Verifier

log = structlog.get_logger()
HOLDS = 60.0  # seconds
NONCE, IV = 18, 12  # octets
STATE_LIMIT = 16384
USED = 50_000  # states that have been used, of the last minute


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Of an exchange between its two calls. ``until`` in Unix seconds."""

    until: float
    first: bytes  # client-first-message
    offered: bytes  # server-first-message


class Scram:
    """``scram_first`` and ``scram_final`` of ``yubin.accounts.port.Authenticator``."""

    def __init__(
        self,
        accounts: Accounts,
        verifiers: Verifiers,
        door: Door,
        secret: bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._verifiers, self._door, self._clock = accounts, verifiers, door, clock
        self._cipher = AESGCM(derived(secret, "scram state 1"))
        self._used: OrderedDict[bytes, float] = OrderedDict()  # server-first-message, until when

    async def scram_first(self, message: bytes, *, peer: str, service: str) -> Offer:
        self._door.known(peer, service)
        first = ClientFirst.parse(message)
        if first.gs2.authzid and lookup(first.gs2.authzid) != lookup(first.username):
            raise wrong()  # nobody acts for another here
        address = lookup(first.username)
        verifier = await self._door.asked(self._known(address, service))
        nonce = b64encode(os.urandom(NONCE))
        offered = scram.server_first(first, nonce, verifier or self._verifiers.fake(address))
        state = State(until=self._clock() + HOLDS, first=message, offered=offered)
        return Offer(message=offered, state=self._sealed(state, peer, service))

    async def scram_final(self, message: bytes, state: bytes, *, peer: str, service: str) -> Proven:
        self._door.known(peer, service)
        begun, final = self._opened(state, peer, service), ClientFinal.parse(message)
        first = ClientFirst.parse(begun.first)
        address = lookup(first.username)
        with self._door.attempt(address, peer, service) as attempt:
            holder = await self._holder(address)
            attempt.account = account_of(holder)
            said, identity = await self._judged(holder, first, begun, final, service)
            if said is None or identity is None:
                raise wrong()
            self._use(begun)
        return Proven(message=said, who=identity)

    async def _known(self, address: str, service: str) -> Verifier | None:
        return self._verifier(await self._holder(address), service)

    async def _holder(self, address: str) -> Holder | None:
        return await self._accounts.holder(address) if address else None

    def _verifier(self, holder: Holder | None, service: str) -> Verifier | None:
        if holder is None or not holder.scram or SCRAM not in holder.credentials:
            return None
        if holder.app_only and service in MAIL_SERVICES:
            return None
        return self._verifiers.open(holder.credentials[SCRAM])

    async def _judged(
        self, holder: Holder | None, first: ClientFirst, begun: State, final: ClientFinal, service: str
    ) -> tuple[bytes | None, Identity | None]:
        verifier = self._verifier(holder, service)
        known = verifier or self._verifiers.fake("")
        said = scram.proven(known, first, begun.offered, final)
        if said is None or verifier is None or holder is None or self._spent(begun):
            return None, None
        return said, await self._accounts.identity(holder.account)

    def _spent(self, begun: State) -> bool:
        return begun.until <= self._clock() or begun.offered in self._used

    def _use(self, begun: State) -> None:
        now = self._clock()
        while self._used and (next(iter(self._used.values())) <= now or len(self._used) >= USED):
            self._used.popitem(last=False)
        self._used[begun.offered] = begun.until

    def _sealed(self, state: State, peer: str, service: str) -> bytes:
        nonce = os.urandom(IV)
        return nonce + self._cipher.encrypt(nonce, msgspec.msgpack.encode(state), _bound(peer, service))

    def _opened(self, state: bytes, peer: str, service: str) -> State:
        """Raises Unauthenticated: not ours, or of another client."""
        if not IV < len(state) <= STATE_LIMIT:
            raise wrong()
        try:
            plain = self._cipher.decrypt(state[:IV], state[IV:], _bound(peer, service))
            return msgspec.msgpack.decode(plain, type=State)
        except (InvalidTag, msgspec.MsgspecError) as error:
            raise wrong() from error


def _bound(peer: str, service: str) -> bytes:
    return f"{service} {peer}".encode()
