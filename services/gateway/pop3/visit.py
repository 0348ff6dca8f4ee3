"""A session behind the login: it holds the maildrop alone (RFC 1939 4), reads it, and leaves it as the client wished.

The lock is a lease in the mailbox pod. What was retrieved is marked as seen, in one call at the end; whatever the end
is, the lease is given back, and only QUIT removes anything.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from services.gateway.again import again
from services.gateway.connection import Connection
from services.gateway.leases import Lease
from services.gateway.pop3.inbox import Inbox, snapshot
from services.gateway.pop3.shelf import Reader
from services.gateway.sessions import Pass
from yubin.accounts.port import Identity
from yubin.errors import Failure
from yubin.ids import number, uuid7
from yubin.mailboxes.account import Account
from yubin.mailboxes.port import How
from yubin.pop3.reply import InUse

if TYPE_CHECKING:
    from services.gateway.pop3.service import Pop3

log = structlog.get_logger()
CLEANING = 5.0  # seconds at most, behind a client that has left
SEEN = frozenset({"\\Seen"})


class Visit:
    """Made by ``begin``. ``removed`` counts what QUIT removed."""

    def __init__(self, house: Pop3, ticket: Pass, lease: Lease, inbox: Inbox) -> None:
        self._house, self._ticket, self._lease = house, ticket, lease
        self._account: Account = lease.account
        self.inbox, self.maildrop, self.removed = inbox, inbox.maildrop, 0
        self.reader = Reader(lease.account, inbox.id, inbox.maildrop, house.shelf)
        self._held = True

    @classmethod
    async def begin(cls, house: Pop3, connection: Connection, identity: Identity) -> Visit:
        """Raises InUse, or what the mailbox pod answers."""
        async with AsyncExitStack() as undo:
            ticket = house.passes.enter(identity, connection.dismiss)
            undo.callback(house.passes.leave, ticket)
            lease = Lease(
                account=house.account(lambda: ticket.token),
                name="pop3",
                owner=number(uuid7()),
                most=1,
                lost=connection.dismiss,
            )
            undo.push_async_callback(
                house.leases.release, lease
            )  # also when it is unknown whether we have it
            if not await again(lambda: house.leases.take(lease)):
                raise InUse
            inbox = await again(lambda: snapshot(lease.account))
            undo.pop_all()
            return cls(house, ticket, lease, inbox)

    async def update(self, deleted: tuple[int, ...]) -> None:
        """The UPDATE state (RFC 1939 6). Raises Failure when some of ``deleted`` may still be there."""
        uids = [self.maildrop.uid(message) for message in deleted]
        try:
            if uids:
                gone = await again(lambda: self._account.expunge(self.inbox.id, uids, only_deleted=False))
                self.removed = len(gone.uids)
            await self._mark(set(deleted))
        finally:
            await self._let_go()

    async def end(self) -> None:
        """However it ends; after ``update`` there is nothing left to do."""
        await self.reader.close()
        if self._held:
            try:
                async with asyncio.timeout(CLEANING):
                    await self._mark(set())
            except TimeoutError:
                log.info("What was read could not be marked in time.", action="pop3")
            finally:
                await self._let_go()

    async def _mark(self, gone: set[int]) -> None:
        """A failure is for the log: the letters are read again as new, at worst."""
        messages = sorted(self.maildrop.retrieved - gone)
        uids = [self.maildrop.uid(message) for message in messages if not self.inbox.seen[message - 1]]
        if not uids:
            return
        try:
            await again(lambda: self._account.store(self.inbox.id, uids, How.ADD, SEEN))
        except Failure as failure:
            log.info("What was read could not be marked.", action="pop3", why=failure.text)

    async def _let_go(self) -> None:
        self._held = False
        try:
            async with asyncio.timeout(CLEANING):
                await self._house.leases.release(self._lease)
        except TimeoutError:
            log.info("A lease was not released in time and will end.", action="pop3")
        finally:
            self._house.passes.leave(self._ticket)
