"""The mailboxes in one SQLite file: each method is one function of its connection.

A write is one transaction on the file's writer thread, under BEGIN IMMEDIATE, so that all writers of all processes stand
in one line, which is the order that the port asks for. A read is one snapshot, so that a state and its entries belong
together; one that names an account for the first time becomes a write. The clock is the machine's, which all users
of the file share.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from yubin.database.sqlite import SqliteFile
from yubin.errors import Failure
from yubin.mailboxes import sqlite_accounts as accounts
from yubin.mailboxes import sqlite_entries as entries
from yubin.mailboxes import sqlite_index as words_
from yubin.mailboxes import sqlite_sweep as upkeep
from yubin.mailboxes.port import (
    INBOX,
    Copied,
    Delivered,
    Expunged,
    How,
    Indexed,
    Mailbox,
    Match,
    NewLetter,
    Row,
    Rows,
    Stored,
    ToIndex,
    Usage,
    View,
    Want,
    Word,
)
from yubin.mailboxes.sqlite_letters import deliver
from yubin.mailboxes.sqlite_schema import SQLITE

T = TypeVar("T")
Work = Callable[[sqlite3.Connection, int], T]


class SqliteMailboxes:
    """Made by ``open``."""

    def __init__(self, file: SqliteFile, clock: Callable[[], float]) -> None:
        self._file, self._clock = file, clock

    @classmethod
    async def open(cls, path: Path | str, *, clock: Callable[[], float] = time.time) -> SqliteMailboxes:
        return cls(await SqliteFile.open(path, SQLITE), clock)

    async def deliver(self, letters: Sequence[NewLetter]) -> Sequence[Delivered | Failure]:
        return await self._file.write(lambda conn: deliver(conn, letters, self._clock()))

    async def mailboxes(self, account: str) -> tuple[Mailbox, ...]:
        return await self._read(account, accounts.states)

    async def mailbox(self, account: str, mailbox_id: int) -> Mailbox:
        return await self._read(account, lambda conn, mine: accounts.state(conn, mine, mailbox_id))

    async def select(self, account: str, mailbox_id: int) -> Mailbox:
        return await self._write(account, lambda conn, mine: accounts.select(conn, mine, mailbox_id))

    async def create(self, account: str, name: str, special_use: str = "") -> Mailbox:
        return await self._write(
            account, lambda conn, mine: accounts.create(conn, mine, name, special_use, self._clock())
        )

    async def rename(self, account: str, mailbox_id: int, name: str) -> Mailbox:
        def work(conn: sqlite3.Connection, mine: int) -> Mailbox:
            state = accounts.state(conn, mine, mailbox_id)
            if state.name == INBOX:
                return entries.rename_inbox(conn, mine, mailbox_id, name, self._clock())
            accounts.rename(conn, mine, state.name, name)
            return accounts.state(conn, mine, mailbox_id)

        return await self._write(account, work)

    async def delete(self, account: str, mailbox_id: int) -> None:
        await self._write(account, lambda conn, mine: accounts.delete(conn, mine, mailbox_id))

    async def subscribe(self, account: str, name: str, on: bool) -> None:
        await self._write(account, lambda conn, mine: accounts.subscribe(conn, mine, name, on=on))

    async def subscriptions(self, account: str) -> tuple[str, ...]:
        return await self._read(account, accounts.subscriptions)

    async def view(
        self, account: str, mailbox_id: int, *, since: int = 0, after: int = 0, limit: int = 5000
    ) -> View:
        return await self._read(
            account, lambda conn, mine: entries.view(conn, mine, mailbox_id, since, after, limit)
        )

    async def rows(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Sequence[Row]:
        return await self._read(account, lambda conn, mine: entries.rows(conn, mine, mailbox_id, uids, want))

    async def columns(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Rows:
        return await self._read(
            account, lambda conn, mine: entries.columns(conn, mine, mailbox_id, uids, want)
        )

    async def find(self, account: str, letter_id: UUID) -> tuple[tuple[int, int], ...]:
        return await self._read(account, lambda conn, mine: entries.find(conn, mine, letter_id))

    async def modseqs(self, pairs: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], tuple[int, int]]:
        return await self._file.read(lambda conn: accounts.modseqs(conn, pairs))

    async def usage(self, accounts_: Sequence[str]) -> Mapping[str, Usage]:
        return await self._file.read(lambda conn: accounts.usage(conn, accounts_))

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
        return await self._write(
            account,
            lambda conn, mine: entries.store(conn, mine, mailbox_id, uids, how, flags, unchanged_since),
        )

    async def copy(
        self, account: str, source_id: int, uids: Sequence[int], target_id: int, *, move: bool, quota: int = 0
    ) -> Copied:
        def work(conn: sqlite3.Connection, mine: int) -> Copied:
            way = (source_id, target_id)
            return entries.transfer(conn, mine, way, uids, self._clock(), move=move, quota=quota)

        return await self._write(account, work)

    async def expunge(
        self, account: str, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        def work(conn: sqlite3.Connection, mine: int) -> Expunged:
            return entries.expunge(conn, mine, mailbox_id, uids, self._clock(), only_deleted=only_deleted)

        return await self._write(account, work)

    async def forget(self, account: str) -> None:
        await self._file.write(lambda conn: accounts.forget(conn, account))

    async def lease(self, account: str, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        def work(conn: sqlite3.Connection, mine: int) -> bool:
            now = self._clock()
            return accounts.lease(conn, mine, (name, owner), now + seconds, most, now)

        return await self._write(account, work)

    async def release(self, account: str, name: str, owner: str) -> None:
        await self._file.write(
            lambda conn: conn.execute(
                "DELETE FROM lease WHERE account = (SELECT id FROM account WHERE name = ?) AND name = ? AND owner = ?",
                (account, name, owner),
            )
        )

    async def to_index(self, limit: int, seconds: float) -> Sequence[ToIndex]:
        def work(conn: sqlite3.Connection) -> list[ToIndex]:
            now = self._clock()
            return words_.to_index(conn, limit, now + seconds, now)

        return await self._file.write(work)

    async def index(self, letters: Sequence[Indexed]) -> None:
        await self._file.write(lambda conn: words_.index(conn, letters))

    async def match(self, account: str, mailbox_id: int, words: Sequence[Word]) -> Match:
        return await self._read(account, lambda conn, mine: words_.match(conn, mine, mailbox_id, words))

    async def sweep(self, limit: int) -> Sequence[str]:
        return await self._file.write(lambda conn: upkeep.sweep(conn, limit, self._clock()))

    async def objects_known(self, names: Sequence[str]) -> set[str]:
        return await self._file.read(lambda conn: upkeep.known(conn, set(names)))

    async def backlog(self) -> int:
        return await self._file.read(
            lambda conn: int(conn.execute("SELECT count(*) FROM unindexed").fetchone()[0])
        )

    async def ping(self) -> None:
        await self._file.ping()

    async def close(self) -> None:
        await self._file.close()

    async def _write(self, account: str, work: Work[T]) -> T:
        return await self._file.write(lambda conn: work(conn, accounts.born(conn, account, self._clock())))

    async def _read(self, account: str, work: Work[T]) -> T:
        def look(conn: sqlite3.Connection) -> T | None:
            mine = accounts.number(conn, account)
            return None if mine is None else work(conn, mine)

        found = await self._file.read(look)
        return await self._write(account, work) if found is None else found
