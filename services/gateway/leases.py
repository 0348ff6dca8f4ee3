"""What connections hold in the mailbox pods: the maildrop lock of POP3, a place among the sessions of a user.

A lease lives there, so that it works over many gateways, and ends by itself when a gateway is killed. Each is renewed
three times in its life; while the mailbox pods are away it is tried again. One that somebody else has got meanwhile
ends its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from yubin.errors import Failure, Unauthenticated, Unavailable
from yubin.mailboxes.account import Account

log = structlog.get_logger()
SECONDS = 60.0
EVERY = 20.0
AT_ONCE = 32  # calls


@dataclass(frozen=True, kw_only=True, eq=False)
class Lease:
    """``owner`` is the connection's own name; at most ``most`` owners hold ``name``. ``lost`` is called once."""

    account: Account
    name: str
    owner: str
    most: int
    lost: Callable[[Failure], None]


class Leases:
    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._calls = asyncio.Semaphore(AT_ONCE)

    async def take(self, lease: Lease) -> bool:
        """False when all are taken. Raises Failure."""
        if not await self._ask(lease):
            return False
        self._held.add(lease)
        return True

    async def release(self, lease: Lease) -> None:
        """A failure is for the log only: the lease ends by itself."""
        self._held.discard(lease)
        try:
            await lease.account.release(lease.name, lease.owner)
        except Failure as failure:
            log.info("A lease was not released and will end.", action="lease", why=failure.text)

    async def watch(self, interval: float = EVERY) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(interval)
            await self.renew()

    async def renew(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for lease in list(self._held):
                tasks.create_task(self._renew(lease))

    async def _renew(self, lease: Lease) -> None:
        async with self._calls:
            if lease not in self._held:
                return
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
        elif lease not in self._held:  # it was released while it was asked for
            await self.release(lease)

    async def _ask(self, lease: Lease) -> bool:
        return await lease.account.lease(lease.name, lease.owner, SECONDS, most=lease.most)

    def _lose(self, lease: Lease, failure: Failure) -> None:
        if lease in self._held:
            self._held.discard(lease)
            lease.lost(failure)
