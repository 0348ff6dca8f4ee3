"""Login: an ``Authenticator`` over the store, the throttle and the hasher.

One road for everybody: throttle, look the login up, verify, and only then read who it is. An unknown login, a disabled
account and a wrong password cost one argon2id hash each and end in the same words, so that neither clock nor text
tells which addresses exist. What cannot be a password (too long, control characters) is no different for any login,
and is refused without a hash, at the price of a failure.

The log names an account by its id, and never what was typed: people type passwords where their names belong.
"""

from __future__ import annotations

import structlog
from prometheus_client import Counter

from services.directory.passwords import Hasher, opaque
from services.directory.throttle import Attempt, Throttle
from yubin.accounts.port import ARGON2ID, Accounts, Credential, Identity
from yubin.errors import Exhausted, Failure, Invalid, Unauthenticated, Unavailable
from yubin.mail.address import canonical

log = structlog.get_logger()
CHECKS = Counter("yubin_auth_checks", "password checks by outcome", ["outcome"])
SERVICES = frozenset({"submission", "imap", "pop3", "api"})
PEER_LIMIT = 64


class Login:
    """Implements ``yubin.accounts.port.Authenticator``."""

    def __init__(self, accounts: Accounts, hasher: Hasher, throttle: Throttle) -> None:
        self._accounts, self._hasher, self._throttle = accounts, hasher, throttle

    async def authenticate(self, login: str, password: str, *, peer: str, service: str) -> Identity:
        if service not in SERVICES:
            raise Invalid("service is one of " + ", ".join(sorted(SERVICES)))
        if not peer.isprintable() or len(peer) > PEER_LIMIT:
            raise Invalid("peer is an IP address")
        address = _lookup(login)
        attempt = self._enter(address, peer)
        try:
            credential = await self._accounts.credential(address, ARGON2ID) if address else None
            holds = await self._holds(credential, password)
            identity = await self._accounts.identity(credential.account) if credential and holds else None
        except (Exhausted, Unavailable) as failure:
            self._throttle.undone(attempt)
            CHECKS.labels("busy").inc()
            raise _later(failure) from failure
        if identity is None:
            CHECKS.labels("wrong").inc()
            account = credential.account if credential else None
            log.info("A login was refused.", action="auth", account=account, peer=peer, service=service)
            raise Unauthenticated("Authentication credentials invalid")  # RFC 4954 6: 535 5.7.8
        self._throttle.held(attempt)
        CHECKS.labels("ok").inc()
        return identity

    def _enter(self, address: str, peer: str) -> Attempt:
        try:
            return self._throttle.enter(address, peer)
        except Exhausted:
            CHECKS.labels("throttled").inc()
            raise

    async def _holds(self, credential: Credential | None, password: str) -> bool:
        try:
            plain = opaque(password)
        except (Invalid, UnicodeError):
            return False
        encoded = credential.value if credential else self._hasher.decoy
        holds = await self._hasher.verify(encoded, plain)
        if holds and credential and self._hasher.stale(encoded):
            await self._renew(credential, plain)
        return holds

    async def _renew(self, credential: Credential, plain: str) -> None:
        """The parameters have changed since it was made; that this fails is no reason to refuse anybody."""
        try:
            await self._accounts.renew_credential(credential, await self._hasher.hash(plain))
        except Failure as failure:
            log.warning("A hash could not be renewed.", action="rehash", why=str(failure))


def _lookup(login: str) -> str:
    """The canonical address, or "" for what cannot be one: all such logins are one unknown login."""
    try:
        return canonical(login)
    except (Invalid, UnicodeError):
        return ""


def _later(failure: Failure) -> Failure:
    """RFC 4954 6: 454 4.7.0, a temporary failure of ours."""
    return type(failure)(failure.text, code=454, enhanced="4.7.0")
