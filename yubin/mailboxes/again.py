"""A store of mailboxes that says again what may be said twice, when the outcome of its commit is unknown.

Flags are such (unless they depend on a MODSEQ, which the first saying changes), and so is what is told by name or by
owner, an expunge of given UIDs, and the index. Of an expunge the answer may then lack UIDs that the first saying took; a
session that follows the MODSEQ hears of them. A copy, a move, a new mailbox are not: the caller looks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from yubin.database.failures import CommitUnknown
from yubin.database.group import PAUSES, look
from yubin.mailboxes.port import Expunged, How, Indexed, Mailboxes, Stored

T = TypeVar("T")


class Again:
    """Everything that is not here is the store's own."""

    def __init__(self, store: Mailboxes, *, pauses: Sequence[float] = PAUSES) -> None:
        self._store, self._pauses = store, pauses
        self.deliver, self.create, self.rename, self.delete = (
            store.deliver,
            store.create,
            store.rename,
            store.delete,
        )
        self.mailboxes, self.mailbox, self.select = store.mailboxes, store.mailbox, store.select
        self.subscriptions, self.view, self.rows, self.find = (
            store.subscriptions,
            store.view,
            store.rows,
            store.find,
        )
        self.columns = store.columns
        self.modseqs, self.usage, self.copy, self.match = store.modseqs, store.usage, store.copy, store.match
        self.to_index, self.sweep, self.objects_known = store.to_index, store.sweep, store.objects_known
        self.backlog, self.ping, self.close = store.backlog, store.ping, store.close

    async def store(
        self,
        account: str,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        def ask() -> Awaitable[Stored]:
            return self._store.store(account, mailbox_id, uids, how, flags, unchanged_since=unchanged_since)

        return await (self._twice(ask) if unchanged_since is None else ask())

    async def expunge(
        self, account: str, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        def ask() -> Awaitable[Expunged]:
            return self._store.expunge(account, mailbox_id, uids, only_deleted=only_deleted)

        return await (ask() if uids is None else self._twice(ask))

    async def subscribe(self, account: str, name: str, on: bool) -> None:
        await self._twice(lambda: self._store.subscribe(account, name, on))

    async def lease(self, account: str, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        return await self._twice(lambda: self._store.lease(account, name, owner, seconds, most=most))

    async def release(self, account: str, name: str, owner: str) -> None:
        await self._twice(lambda: self._store.release(account, name, owner))

    async def forget(self, account: str) -> None:
        await self._twice(lambda: self._store.forget(account))

    async def index(self, letters: Sequence[Indexed]) -> None:
        await self._twice(lambda: self._store.index(letters))

    async def _twice(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await ask()
        except CommitUnknown:
            return await look(ask, self._pauses)
