"""How full the mailboxes are, as RCPT needs to know (DESIGN 4: after that one letter may overshoot).

What an account holds is asked of the mailbox pod and remembered: for half a minute, or for a few seconds once nine tenths are
used; what was delivered meanwhile is added. When the mailbox pod does not answer, what was last known stands in, and an
account of which nothing is known has room: the letter waits in the ledger anyway.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from yubin.accounts.port import LocalAccount
from yubin.errors import Exhausted, Failure, TooBig
from yubin.mailboxes.deliveries import Deliveries

ACCOUNTS = 50_000
HOLDS, HOLDS_NEAR = 30.0, 5.0
NEAR = 0.9
AT_ONCE = 1000  # accounts in one question
PATIENCE = 2.0  # for one question
AWAY = 2.0  # no question after one that was not answered


@dataclass(slots=True)
class _Known:
    used: int
    until: float


class Quotas:
    """``over`` is the code for a full mailbox, 452 or 552."""

    def __init__(
        self,
        deliveries: Deliveries,
        *,
        default: int = 0,
        over: int = 452,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._deliveries, self._default, self._over, self._clock = deliveries, default, over, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._away_until = 0.0

    def limit(self, account: LocalAccount) -> int:
        """0: none."""
        return account.quota or self._default

    async def check(self, accounts: Sequence[LocalAccount], size: int) -> None:
        """Raises when none of ``accounts`` has room for ``size`` octets.

        Of an alias, accounts that are full get the letter as long as another has room: their quota is no reason to
        keep it from all, and as mail for the alias ends when all are full, what they hold beyond it is bounded.
        """
        limited = [a for a in accounts if self.limit(a)]
        if not accounts or len(limited) < len(accounts):
            return
        if all(size > self.limit(a) for a in limited):
            raise TooBig("The letter is larger than the whole mailbox", enhanced="5.2.2")
        await self._ask(limited)
        if all(self._full(a, size) for a in limited):
            raise Exhausted("The mailbox is full", code=self._over, enhanced=f"{self._over // 100}.2.2")

    def add(self, account: str, size: int) -> None:
        """``size`` octets were delivered."""
        if (known := self._known.get(account)) is not None:
            known.used += size

    def _full(self, account: LocalAccount, size: int) -> bool:
        known = self._known.get(account.id)
        used = known.used if known is not None else 0
        return used >= self.limit(account) or used + size > self.limit(account)

    async def _ask(self, accounts: Sequence[LocalAccount]) -> None:
        now = self._clock()
        wanted = [a for a in accounts if (known := self._known.get(a.id)) is None or known.until <= now]
        if not wanted or now < self._away_until:
            return
        del wanted[AT_ONCE:]
        try:
            async with asyncio.timeout(PATIENCE):
                usage = await self._deliveries.usage([a.id for a in wanted])
        except (Failure, TimeoutError):
            self._away_until = self._clock() + AWAY
            return
        for account in wanted:
            used = usage[account.id].used if account.id in usage else 0
            near = used > NEAR * self.limit(account)
            self._known[account.id] = _Known(used, now + (HOLDS_NEAR if near else HOLDS))
            self._known.move_to_end(account.id)
        while len(self._known) > ACCOUNTS:
            self._known.popitem(last=False)
