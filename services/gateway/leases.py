"""What connections hold in the mailbox pods: the maildrop lock of POP3, a place among the sessions of a user.

A lease lives there, so that it works over many gateways, and ends by itself when a gateway is killed. Each is renewed
three times in its life; while the mailbox pods are away it is tried again. One that somebody else has got meanwhile
ends its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic

import structlog

from yubin.errors import Failure, Unauthenticated, Unavailable
from yubin.mailboxes.account import Account

log = structlog.get_logger()
SECONDS = 60.0
EVERY = 20.0
AT_ONCE = 32  # calls


@dataclass(frozen=True, kw_only=True, eq=False)
class Lease:
    """``owner`` is the connection's own name; at most ``most`` owners hold ``name``, for ``seconds``. ``lost`` is called once."""

    account: Account
    name: str
    owner: str
    most: int
    lost: Callable[[Failure], None]
    seconds: float = SECONDS


class Leases:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._held: dict[Lease, float] = {}  # and when each was asked for
        self._calls = asyncio.Semaphore(AT_ONCE)

    async def take(self, lease: Lease) -> bool:
        """False when all are taken. Raises Failure."""
        asked = self._clock()
        if not await self._ask(lease):
            return False
        self._held[lease] = asked
        return True

    async def release(self, lease: Lease) -> None:
        """A failure is for the log only: the lease ends by itself."""
        self._held.pop(lease, None)
        try:
            await lease.account.release(lease.name, lease.owner)
        except Failure as failure:
            log.info("A lease was not released and will end.", action="lease", why=failure.text)

    async def watch(self, interval: float = EVERY) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(interval)
            await self.renew(self._clock())

    async def renew(self, now: float = inf) -> None:
        """Those that are due by ``now``; all of them, where it is not given."""
        async with asyncio.TaskGroup() as tasks:
            for lease, asked in list(self._held.items()):
                if now - asked >= lease.seconds / 3 - EVERY:
                    tasks.create_task(self._renew(lease))

    async def _renew(self, lease: Lease) -> None:
        async with self._calls:
            if lease not in self._held:
                return
            asked = self._clock()
            try:
                kept = await self._ask(lease)
            except Unauthenticated as failure:
                self._lose(lease, failure)
                return
            except Failure as failure:
                log.warning(
                    "A lease could not be renewed; it is tried again.", action="lease", why=failure.text
                )
                return
        if not kept:
            self._lose(lease, Unavailable("Another session has this mailbox now"))
        elif lease in self._held:
            self._held[lease] = asked
        else:  # it was released while it was asked for
            await self.release(lease)

    async def _ask(self, lease: Lease) -> bool:
        return await lease.account.lease(lease.name, lease.owner, lease.seconds, most=lease.most)

    def _lose(self, lease: Lease, failure: Failure) -> None:
        if lease in self._held:
            del self._held[lease]
            lease.lost(failure)
