"""Sessions: tokens for the mailbox pod, given to who has logged in and renewed while the account holds.

A disabled or deleted account gets no new token; the one it has ends by itself, at most ``session_for`` later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from services.directory import checks
from yubin.accounts.port import Account, Accounts, Identity
from yubin.accounts.session import Claims, SessionSigner, SessionVerifier
from yubin.errors import Invalid, Unauthenticated

V = TypeVar("V")
log = structlog.get_logger()
MOST = 1000  # sessions of one call
AT_ONCE = 25  # signatures between two turns of the event loop: about 5 ms


class DirectorySessions:
    """Implements ``yubin.accounts.port.Sessions``."""

    def __init__(self, accounts: Accounts, signer: SessionSigner) -> None:
        self._accounts, self._signer = accounts, signer
        self._verifier = SessionVerifier([signer.public], entries=1)

    @property
    def lasts(self) -> float:
        """Seconds."""
        return self._signer.lasts

    def given(self, identity: Identity) -> Identity:
        """The identity with a token."""
        token = self._signer.issue(identity.account, identity.limits.quota)
        return replace(identity, session=token, session_for=self.lasts)

    async def renew(self, sessions: Sequence[str]) -> tuple[str, ...]:
        if len(sessions) > MOST:
            raise Invalid(f"at most {MOST} sessions at once")
        claims = [self._claims(token) async for token in _in_turns(sessions)]
        found = await self._accounts.enabled(sorted({c.account for c in claims if c is not None}))
        return tuple([self._renewed(c, found) async for c in _in_turns(claims)])

    async def open(self, address: str) -> tuple[Account, str]:
        """Of a disabled account too: its mail may have to be handed over."""
        account = await self._accounts.account(checks.hosted(address).canonical)
        log.info("A mailbox was opened for an operator.", action="admin", account=account.id)
        return account, self._signer.issue(account.id, account.limits.quota)

    async def keys(self) -> tuple[bytes, ...]:
        return (self._signer.public,)

    def _claims(self, token: str) -> Claims | None:
        try:
            return self._verifier.check(token)
        except Unauthenticated:
            return None

    def _renewed(self, claims: Claims | None, accounts: dict[str, Account]) -> str:
        account = accounts.get(claims.account) if claims is not None else None
        return "" if account is None else self._signer.issue(account.id, account.limits.quota)


async def _in_turns(items: Sequence[V]) -> AsyncIterator[V]:
    """The same, and others run now and then."""
    for n, item in enumerate(items, 1):
        yield item
        if n % AT_ONCE == 0:
            await asyncio.sleep(0)
