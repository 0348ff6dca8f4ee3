"""A session behind the login: who it is, its token, its place among the sessions of that user (CASES H12).

The place is a lease in the mailbox pod, so that it counts over all gateways. It is held long and renewed seldom, since
there may be ten thousand idle sessions; one that is lost all the same ends nobody's session.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from services.gateway.again import patiently
from services.gateway.connection import Connection
from services.gateway.imap.patient import Patient
from services.gateway.imap.replies import No
from services.gateway.leases import Lease
from services.gateway.sessions import Pass
from yubin.accounts.port import Identity
from yubin.errors import Failure, Unauthenticated
from yubin.ids import number, uuid7
from yubin.imap import codes
from yubin.mailboxes.account import Account

if TYPE_CHECKING:
    from services.gateway.imap.service import Imap

log = structlog.get_logger()
NAME = "imap"  # of the lease
HELD = 600.0  # seconds
CLEANING = 5.0  # seconds at most, behind a client that has left


class Visit:
    """Made by ``begin``; ``token`` is the one that holds now."""

    def __init__(self, house: Imap, identity: Identity, ticket: Pass, lease: Lease) -> None:
        self._house, self._ticket, self._lease = house, ticket, lease
        self.identity = identity
        self.account: Account = lease.account

    @property
    def token(self) -> str:
        return self._ticket.token

    @classmethod
    async def begin(cls, house: Imap, connection: Connection, identity: Identity) -> Visit:
        """Raises No [LIMIT], or what the mailbox pod answers."""
        async with AsyncExitStack() as undo:
            ticket = house.passes.enter(identity, connection.dismiss)
            undo.callback(house.passes.leave, ticket)
            lease = Lease(
                account=Patient(house.account(lambda: ticket.token), house.patience),
                name=NAME,
                owner=number(uuid7()),
                most=house.per_user,
                lost=lambda failure: _lost(connection, failure),
                seconds=HELD,
            )
            undo.push_async_callback(house.leases.release, lease)
            if not await patiently(lambda: house.leases.take(lease), house.patience):
                raise No("You have too many connections", codes.LIMIT)
            undo.pop_all()
            return cls(house, identity, ticket, lease)

    async def end(self) -> None:
        try:
            async with asyncio.timeout(CLEANING):
                await self._house.leases.release(self._lease)
        except TimeoutError:
            log.info("A lease was not released in time and will end.", action="imap")
        finally:
            self._house.passes.leave(self._ticket)


def _lost(connection: Connection, failure: Failure) -> None:
    if isinstance(failure, Unauthenticated):
        connection.dismiss(failure)
