"""An account whose mailbox pod may be away for a moment: a lost pod is a pause, not the end of a session.

What may be said twice is said again until it is answered, for ``seconds`` at most; then the client hears NO [UNAVAILABLE]
and is still logged in. A stream goes on where it broke off. What may not be said twice (COPY, CREATE, RENAME, DELETE,
APPEND) is said once; where the pod was away the last time, somebody knocks first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import monotonic
from typing import TypeVar
from uuid import UUID

from services.gateway.again import patiently, pauses
from yubin.errors import Unavailable
from yubin.mailboxes.account import Account, singly
from yubin.mailboxes.port import (
    Copied,
    Delivered,
    Expunged,
    How,
    Letters,
    Mailbox,
    Match,
    Row,
    Rows,
    Stored,
    Usage,
    View,
    Want,
    Word,
)

SECONDS = 30.0  # until a lost pod is told of
T = TypeVar("T")


class Patient:
    """Implements Account over another one."""

    def __init__(self, account: Account, seconds: float) -> None:
        self._account, self._seconds = account, seconds
        self._away = False

    # ── mailboxes ──

    async def mailboxes(self) -> tuple[Mailbox, ...]:
        return await self._again(self._account.mailboxes)

    async def mailbox(self, mailbox_id: int) -> Mailbox:
        return await self._again(lambda: self._account.mailbox(mailbox_id))

    async def select(self, mailbox_id: int) -> Mailbox:
        return await self._again(lambda: self._account.select(mailbox_id))

    async def create(self, name: str, special_use: str = "") -> Mailbox:
        return await self._once(lambda: self._account.create(name, special_use))

    async def rename(self, mailbox_id: int, name: str) -> Mailbox:
        return await self._once(lambda: self._account.rename(mailbox_id, name))

    async def delete(self, mailbox_id: int) -> None:
        await self._once(lambda: self._account.delete(mailbox_id))

    async def subscribe(self, name: str, on: bool) -> None:
        await self._again(lambda: self._account.subscribe(name, on))

    async def subscriptions(self) -> tuple[str, ...]:
        return await self._again(self._account.subscriptions)

    # ── reading ──

    async def view(self, mailbox_id: int, *, since: int = 0, after: int = 0) -> AsyncIterator[View]:
        """Behind the last page that came; ``expunged`` is of the first one, as if nothing had happened."""
        last, more = after, True
        patience = _Patience(self._seconds)
        while more:
            try:
                async for page in self._account.view(mailbox_id, since=since, after=last):
                    patience.answered()
                    last, more = page.uids[-1] if page.uids else last, page.more
                    yield page
                return
            except Unavailable as failure:
                await patience.wait(failure)

    async def columns(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Rows]:
        patience, last = _Patience(self._seconds), 0
        while True:
            try:
                async for rows in self._account.columns(mailbox_id, _behind(uids, last), want):
                    patience.answered()
                    last = rows.uids[-1]
                    yield rows
                return
            except Unavailable as failure:
                await patience.wait(failure)

    def rows(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Row]:
        return singly(self.columns(mailbox_id, uids, want | Want.ROW))

    async def letters(
        self, mailbox_id: int, uids: Sequence[int], want: Want = Want.NOTHING
    ) -> AsyncIterator[Letters]:
        patience, last = _Patience(self._seconds), 0
        while True:
            try:
                async for some in self._account.letters(mailbox_id, _behind(uids, last), want):
                    patience.answered()
                    last = some.rows.uids[-1]
                    yield some
                return
            except Unavailable as failure:
                await patience.wait(failure)

    async def body(
        self, mailbox_id: int, uid: int, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Behind the last octet that came: a letter never changes."""
        patience, read = _Patience(self._seconds), 0
        while length is None or read < length:
            rest = None if length is None else length - read
            try:
                async for piece in self._account.body(mailbox_id, uid, offset=offset + read, length=rest):
                    patience.answered()
                    read += len(piece)
                    yield piece
                return
            except Unavailable as failure:
                await patience.wait(failure)

    async def match(self, mailbox_id: int, words: Sequence[Word]) -> Match:
        return await self._again(lambda: self._account.match(mailbox_id, words))

    async def usage(self) -> Usage:
        return await self._again(self._account.usage)

    # ── changing ──

    async def append(
        self,
        mailbox_id: int,
        body: AsyncIterator[bytes],
        size: int,
        *,
        flags: frozenset[str] = frozenset(),
        received: float | None = None,
        delivery_id: UUID | None = None,
    ) -> Delivered:
        return await self._once(
            lambda: self._account.append(
                mailbox_id, body, size, flags=flags, received=received, delivery_id=delivery_id
            )
        )

    async def store(
        self,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        """A condition that we have met ourselves would not hold a second time."""

        async def call() -> Stored:
            return await self._account.store(mailbox_id, uids, how, flags, unchanged_since=unchanged_since)

        return await (self._again(call) if unchanged_since is None else self._once(call))

    async def copy(self, source_id: int, uids: Sequence[int], target_id: int, *, move: bool) -> Copied:
        return await self._once(lambda: self._account.copy(source_id, uids, target_id, move=move))

    async def expunge(
        self, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        return await self._again(lambda: self._account.expunge(mailbox_id, uids, only_deleted=only_deleted))

    # ── leases ──

    async def lease(self, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        """Who renews leases comes again by himself."""
        return await self._account.lease(name, owner, seconds, most=most)

    async def release(self, name: str, owner: str) -> None:
        await self._account.release(name, owner)

    # ── patience ──

    async def _again(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await patiently(call, self._seconds)
        except Unavailable:
            self._away = True
            raise
        self._away = False
        return answer

    async def _once(self, call: Callable[[], Awaitable[T]]) -> T:
        if self._away:
            await self._again(self._account.subscriptions)
        try:
            return await call()
        except Unavailable:
            self._away = True
            raise


class _Patience:
    """Of one stream: how long it waits for the next answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.answered()

    def answered(self) -> None:
        self._until, self._pauses = 0.0, pauses()

    async def wait(self, failure: Unavailable) -> None:
        """Raises ``failure`` when it has been long enough."""
        pause = next(self._pauses)
        self._until = self._until or monotonic() + self._seconds
        if monotonic() + pause > self._until:
            raise failure
        await asyncio.sleep(pause)


def _behind(uids: Sequence[int], last: int) -> Sequence[int]:
    return [uid for uid in uids if uid > last] if last else uids
