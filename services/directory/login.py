"""Login: ``Passwords`` over the store, the door and the hasher.

One road for everybody: throttle, look the login up, verify, and only then read who it is. An unknown login, a disabled
account and a wrong password cost one argon2id hash each and end in the same words, so that neither clock nor text
tells which addresses exist. What cannot be a password (too long, control characters) is no different for any login,
and is refused without a hash, at the price of a failure. What has the form of an app password is looked up as one and
never hashed with argon2id: whether there is such a login, it costs the same.

A password that held is at hand for a moment: then its hash is renewed when the parameters have changed, and a verifier
is made for SCRAM where the domain allows that and there is none.
"""

from __future__ import annotations

import structlog

from services.directory.app_passwords import AppPasswords, shaped
from services.directory.door import Door, Visitor, account_of, lookup
from services.directory.passwords import Hasher, opaque
from services.directory.verifiers import Verifiers
from yubin.accounts.port import ARGON2ID, MAIL_SERVICES, SCRAM, Accounts, Credential, Holder, Identity
from yubin.errors import Failure, Invalid
from yubin.sasl.mechanism import wrong

log = structlog.get_logger()


class Login:
    """Implements ``yubin.accounts.port.Passwords``."""

    def __init__(
        self, accounts: Accounts, door: Door, hasher: Hasher, verifiers: Verifiers, apps: AppPasswords
    ) -> None:
        self._accounts, self._door, self._hasher = accounts, door, hasher
        self._verifiers, self._apps = verifiers, apps

    async def authenticate(self, login: str, password: str, *, peer: str, service: str) -> Identity:
        self._door.known(peer, service)
        address = lookup(login)
        with self._door.attempt(address, peer, service) as visitor:
            if shaped(password):
                visitor.account = await self._apps.holds(address, password, service)
                account = visitor.account
            else:
                account = await self._password(address, password, service, visitor)
            identity = await self._accounts.identity(account) if account else None
            if identity is None:
                raise wrong()  # RFC 4954 6: 535 5.7.8
        return identity

    async def _password(self, address: str, password: str, service: str, visitor: Visitor) -> str | None:
        """The account whose password it is."""
        holder = await self._accounts.holder(address) if address else None
        visitor.account = account_of(holder)
        credential = holder.credentials.get(ARGON2ID) if holder else None
        try:
            plain = opaque(password)
        except (Invalid, UnicodeError):
            return None
        holds = await self._hasher.verify(credential.value if credential else self._hasher.decoy, plain)
        if not holds or holder is None or credential is None:
            return None
        if holder.app_only and service in MAIL_SERVICES:
            return None
        await self._keep(holder, credential, plain)
        return holder.account

    async def _keep(self, holder: Holder, credential: Credential, plain: str) -> None:
        """That any of it fails is no reason to refuse anybody."""
        verifier = holder.credentials.get(SCRAM)
        try:
            if holder.scram and (verifier is None or self._verifiers.stale(verifier)):
                made = await self._verifiers.make(holder.account, plain)
                await self._accounts.join_credential(credential, made)
            if self._hasher.stale(credential.value):
                await self._accounts.renew_credential(credential, await self._hasher.hash(plain))
        except Failure as failure:
            log.warning("A hash could not be renewed.", action="rehash", why=str(failure))
