"""Bearer tokens (OAUTHBEARER, XOAUTH2): what the issuer says, if it is about an account of ours.

Whoever the client says it is must be whom the token names. Failures count against the client's address only: nobody
guesses a signature, so that a login's own bucket would protect nobody, and could be emptied by anybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from services.directory.door import Door, account_of, lookup
from services.directory.issuer import Issuer
from services.directory.throttle import network
from yubin.accounts.port import Accounts, Identity
from yubin.sasl.mechanism import wrong


class Bearers:
    """``issuer`` None: no token is taken."""

    def __init__(
        self,
        accounts: Accounts,
        door: Door,
        issuer: Issuer | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts, self._door, self._issuer, self._clock = accounts, door, issuer, clock

    async def token(self, login: str, token: str, *, peer: str, service: str) -> tuple[Identity, float]:
        """Who it is, and for how many seconds the token holds."""
        self._door.known(peer, service)
        with self._door.attempt(f"token {network(peer)}", peer, service) as visitor:
            if self._issuer is None:
                raise wrong()
            named = self._issuer.check(token)
            address = lookup(named.name)
            if not address or (login and lookup(login) != address):
                raise wrong()
            holder = await self._accounts.holder(address)
            visitor.account = account_of(holder)
            identity = await self._accounts.identity(holder.account) if holder else None
            if identity is None:
                raise wrong()
        return identity, max(0.0, named.until - self._clock())
