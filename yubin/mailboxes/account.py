"""One account's mailboxes as gateway and api see them: bytes streamed, letters whole or in part, never a table.

``Account`` is implemented by the mailbox pod itself (services/mailbox/local.py) and by its client over gRPC
(remote.py). The values are those of the port. Every method raises yubin.errors.Failure; ``Unauthenticated`` means that
the session has ended and the client has to log in again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID

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

PIECE = 256 * 1024  # octets of a body that travel in one message
PIECES = 512 * 1024  # octets of several letters that do


class Account(Protocol):
    async def mailboxes(self) -> tuple[Mailbox, ...]: ...

    async def mailbox(self, mailbox_id: int) -> Mailbox: ...

    async def select(self, mailbox_id: int) -> Mailbox: ...

    async def create(self, name: str, special_use: str = "") -> Mailbox: ...

    async def rename(self, mailbox_id: int, name: str) -> Mailbox: ...

    async def delete(self, mailbox_id: int) -> None: ...

    async def subscribe(self, name: str, on: bool) -> None: ...

    async def subscriptions(self) -> tuple[str, ...]: ...

    def view(self, mailbox_id: int, *, since: int = 0, after: int = 0) -> AsyncIterator[View]:
        """Pages, until the last one."""

    def columns(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Rows]:
        """What is wanted and no more, in pieces that are bounded (ROWS_LIMIT) and never empty; no bodies."""

    def rows(self, mailbox_id: int, uids: Sequence[int], want: Want) -> AsyncIterator[Row]:
        """The same one by one, with all that ``Want.ROW`` has."""

    def letters(
        self, mailbox_id: int, uids: Sequence[int], want: Want = Want.NOTHING
    ) -> AsyncIterator[Letters]:
        """Whole letters in the order of UIDs, in pieces of about ``PIECES`` octets that are never empty; a large one alone.

        Of ``want`` only what ``Want.ROW`` has. Those that are gone are left out.
        """

    def body(
        self, mailbox_id: int, uid: int, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """A letter's bytes in pieces. Raises NotFound when it is gone."""

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
        """Raises Exhausted (452 4.2.2, [OVERQUOTA]) before it reads ``body`` where ``size`` cannot fit (CASES H9).

        With a ``delivery_id`` (NewLetter) it may be said again: what is there already fits, so that only the commit
        knows whether there is room.
        """

    async def store(
        self,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored: ...

    async def copy(self, source_id: int, uids: Sequence[int], target_id: int, *, move: bool) -> Copied: ...

    async def expunge(
        self, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged: ...

    async def match(self, mailbox_id: int, words: Sequence[Word]) -> Match: ...

    async def usage(self) -> Usage: ...

    async def lease(self, name: str, owner: str, seconds: float, *, most: int = 1) -> bool: ...

    async def release(self, name: str, owner: str) -> None: ...


async def singly(pieces: AsyncIterator[Rows]) -> AsyncIterator[Row]:
    """``rows`` of ``columns``."""
    async for piece in pieces:
        for row in piece:
            yield row
