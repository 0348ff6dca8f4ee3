"""The door to an account's mailboxes, for an operator: the directory gives a session, the mailbox pod takes it.

A session is opened for each request, so that the directory says who has the address now and logs who was opened. Only
who brings many letters, and says to which account, is served with the last one while it is young; a work that lasts
opens another when half of the shortest life that a directory gives is over.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from yubin.accounts.port import Account as Owner
from yubin.accounts.port import Sessions
from yubin.errors import NotFound
from yubin.mailboxes.account import Account

HOLDS = 30.0  # seconds; a session lives for 60 at least
REMEMBERED = 1000


class Mailboxes(Account, Protocol):
    async def forget(self) -> None:
        """The account and all that is in it."""


class Opened:
    """``owner`` is the account, ``mailboxes`` what it has, under a session that ``renew`` keeps valid."""

    def __init__(
        self, owner: Owner, token: str, connect: Callable[[Callable[[], str]], Mailboxes], at: float
    ) -> None:
        self.owner, self.at = owner, at
        self.token = token
        self.mailboxes = connect(lambda: self.token)


class Access:
    """``connect`` makes a client of what gives the session that holds now; ``clock`` is monotonic."""

    def __init__(
        self,
        sessions: Sessions,
        connect: Callable[[Callable[[], str]], Mailboxes],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions, self._connect, self._clock = sessions, connect, clock
        self._last: OrderedDict[tuple[str, str], Opened] = OrderedDict()

    async def open(self, address: str, tenant: str | None) -> Opened:
        """``tenant`` None: any. Raises NotFound, also for an account of another tenant; Unavailable."""
        at = self._clock()
        owner, token = await self._sessions.open(address)
        if tenant not in {None, owner.tenant}:
            raise NotFound("no account has this address")
        return Opened(owner, token, self._connect, at)

    async def same(self, address: str, tenant: str | None, account: str) -> Opened:
        """The one of ``account``, opened lately. Raises NotFound where the address is another's by now."""
        key = (address, account)
        known = self._last.get(key)
        if known is None or self._old(known) or tenant not in {None, known.owner.tenant}:
            known = await self.open(address, tenant)
        if known.owner.id != account:
            raise NotFound("this account is gone, and its address is another's now")
        self._last[key] = known
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return known

    def drop(self, opened: Opened) -> None:
        """What it was told by the directory no longer holds."""
        self._last = OrderedDict((key, one) for key, one in self._last.items() if one is not opened)

    async def renew(self, opened: Opened) -> None:
        """Raises NotFound where the account is gone."""
        if not self._old(opened):
            return
        at = self._clock()
        owner, token = await self._sessions.open(opened.owner.address)
        if owner.id != opened.owner.id:
            raise NotFound("this account is gone")
        opened.token, opened.at = token, at

    def _old(self, opened: Opened) -> bool:
        return self._clock() - opened.at >= HOLDS
