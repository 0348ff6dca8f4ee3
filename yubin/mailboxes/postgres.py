"""The mailboxes in PostgreSQL: each call is one statement and one round trip, or, for what is rare, one transaction.

What changes often are functions (``postgres_functions`` says why), what reads is one statement with one snapshot. Batches
and long lists are arrays. An account that nobody has named yet is noticed by what a statement did not find, made in a
transaction of its own, and the statement is said again. A statement that loses to another (a deadlock, a failover that
rolled back) wrote nothing and is said again too. Prepared statements are asyncpg's; a pooler that hands out another
connection for each transaction would break them. (Longer than most modules: it is the whole port in one class, each method
a few lines.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self, TypeVar
from uuid import UUID

import asyncpg

from yubin.database import postgres
from yubin.errors import Failure, Unavailable
from yubin.mailboxes import flags as bits_of
from yubin.mailboxes import postgres_deliver as delivery
from yubin.mailboxes import postgres_leases as leases
from yubin.mailboxes import postgres_rows as rows
from yubin.mailboxes import postgres_statements as sql
from yubin.mailboxes import postgres_words, rules
from yubin.mailboxes.port import (
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
from yubin.mailboxes.postgres_folders import NAMES, USES, Connection, Folders
from yubin.mailboxes.postgres_functions import Status, refusal
from yubin.mailboxes.postgres_schema import POSTGRES
from yubin.mailboxes.postgres_sweep import steps

T = TypeVar("T")
SESSION = {
    "default_transaction_isolation": "read committed",  # our functions look again after they have waited for a lock
    "plan_cache_mode": "force_generic_plan",  # planning these statements costs more than running them
    # A plan made while the tables were empty must still be good when they are full: what is given comes first, and all
    # else is reached from it by an index. A hash or merge join would read a whole table to find twenty rows.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


class PostgresMailboxes:
    """Made by ``open``. ``now`` is an SQL expression of type timestamptz; tests give their own."""

    def __init__(self, pool: postgres.Pool, now: str) -> None:
        self.pool = pool
        self._now = now
        self._folders = Folders(now)

    @classmethod
    async def open(cls, url: str, *, now: str = "now()", size: int = 8) -> Self:
        """Connect, migrate. ``size``: connections at most. Raises Unavailable."""
        return cls(await postgres.open_pool(url, POSTGRES, size=size, session=SESSION), now)

    async def deliver(self, letters: Sequence[NewLetter]) -> Sequence[Delivered | Failure]:
        batches = delivery.rounds(letters)
        if len(batches) == 1:
            return await self._deliver(self._write, letters)

        async def one_after_the_other(conn: Connection) -> list[Delivered | Failure]:
            accounts = sorted({letter.account for letter in letters})
            await conn.fetch(self._folders.born, accounts, NAMES, USES)
            await conn.fetch(sql.LOCK_ACCOUNTS, accounts)
            return [answer for batch in batches for answer in await self._deliver(conn.fetch, batch)]

        return await self._transaction(one_after_the_other) if batches else []

    async def mailboxes(self, account: str) -> tuple[Mailbox, ...]:
        found = await self._found(account, sql.MAILBOXES, account)
        return tuple(rows.to_mailbox(row) for row in found)

    async def mailbox(self, account: str, mailbox_id: int) -> Mailbox:
        return rows.to_mailbox(await self._one(account, sql.MAILBOX, account, mailbox_id))

    async def select(self, account: str, mailbox_id: int) -> Mailbox:
        return rows.to_mailbox(await self._one(account, sql.SELECT, account, mailbox_id, writes=True))

    async def create(self, account: str, name: str, special_use: str = "") -> Mailbox:
        async def work(conn: Connection) -> Mailbox:
            await self._folders.lock(conn, account)
            return await self._folders.create(conn, account, name, special_use)

        return await self._transaction(work)

    async def rename(self, account: str, mailbox_id: int, name: str) -> Mailbox:
        return await self._transaction(lambda conn: self._folders.rename(conn, account, mailbox_id, name))

    async def delete(self, account: str, mailbox_id: int) -> None:
        await self._transaction(lambda conn: self._folders.delete(conn, account, mailbox_id))

    async def subscribe(self, account: str, name: str, on: bool) -> None:
        async def work(conn: Connection) -> None:
            await self._folders.lock(conn, account)
            await conn.execute(sql.SUBSCRIBE if on else sql.UNSUBSCRIBE, account, name)

        await self._transaction(work)

    async def subscriptions(self, account: str) -> tuple[str, ...]:
        return tuple(row["name"] for row in await self._found(account, sql.SUBSCRIPTIONS, account))

    async def view(
        self, account: str, mailbox_id: int, *, since: int = 0, after: int = 0, limit: int = 5000
    ) -> View:
        given = (account, mailbox_id, after, limit + 1)
        if since:
            return rows.to_view(await self._one(account, sql.NEWS, *given, since), limit)
        return rows.to_view(await self._one(account, sql.VIEW, *given), limit)

    async def rows(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Sequence[Row]:
        found = await self._read(sql.rows(want), account, mailbox_id, *rows.runs(_each(uids)))
        if not found:
            await self.mailbox(account, mailbox_id)
        return [rows.to_row(row) for row in found]

    async def columns(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Rows:
        found = await self._read(sql.columns(want), account, mailbox_id, *rows.runs(_each(uids)))
        if not found:
            await self.mailbox(account, mailbox_id)
        return rows.to_rows(found, want)

    async def find(self, account: str, letter_id: UUID) -> tuple[tuple[int, int], ...]:
        found = await self._read(sql.FIND, account, letter_id)
        return tuple((row["mailbox_id"], row["uid"]) for row in found)

    async def modseqs(self, pairs: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], tuple[int, int]]:
        found = await self._read(sql.MODSEQS, [account for account, _ in pairs], [id_ for _, id_ in pairs])
        return {(row["account_id"], row["id"]): (row["modseq"], row["uidnext"]) for row in found}

    async def usage(self, accounts: Sequence[str]) -> Mapping[str, Usage]:
        found = await self._read(sql.USAGE, list(accounts))
        return dict.fromkeys(accounts, Usage()) | {row["account_id"]: rows.to_usage(row) for row in found}

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
        system, keywords = bits_of.split(flags)
        given = (account, mailbox_id, _each(uids), how.value, system, keywords, unchanged_since)
        return rows.to_stored(await self._change(sql.STORE, *given))

    async def copy(
        self, account: str, source_id: int, uids: Sequence[int], target_id: int, *, move: bool, quota: int = 0
    ) -> Copied:
        given = (account, source_id, _each(uids), target_id, move, quota)
        return rows.to_copied(await self._change(self._timed(sql.COPY), *given))

    async def expunge(
        self, account: str, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        given = (account, mailbox_id, None if uids is None else _each(uids), only_deleted)
        return rows.to_expunged(await self._change(self._timed(sql.EXPUNGE), *given))

    async def forget(self, account: str) -> None:
        await self._transaction(lambda conn: self._folders.forget(conn, account))

    async def lease(self, account: str, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        taken = await self._change(self._timed(leases.CALL), account, name, owner, float(seconds), most)
        return bool(taken["held"])

    async def release(self, account: str, name: str, owner: str) -> None:
        await self._write(leases.RELEASE, account, name, owner)

    async def to_index(self, limit: int, seconds: float) -> Sequence[ToIndex]:
        found = await self._write(self._timed(sql.TO_INDEX), limit, float(seconds))
        return [rows.to_index(row) for row in found]

    async def index(self, letters: Sequence[Indexed]) -> None:
        if letters:
            await self._write(sql.INDEX, *postgres_words.columns(letters))

    async def match(self, account: str, mailbox_id: int, words: Sequence[Word]) -> Match:
        if not words:
            return rows.to_match(await self._one(account, sql.INDEXED, account, mailbox_id))
        query = postgres_words.query(account, words)
        return rows.to_match(await self._one(account, sql.MATCH, account, mailbox_id, query))

    async def sweep(self, limit: int) -> Sequence[str]:
        names: set[str] = set()
        for step in steps(self._now, limit):
            names |= await self._transaction(step)
        return sorted(names)

    async def objects_known(self, names: Sequence[str]) -> set[str]:
        return {row["object"] for row in await self._read(sql.OBJECTS, list(names))}

    async def backlog(self) -> int:
        return int((await self._read(sql.BACKLOG))[0][0])

    async def ping(self) -> None:
        if (await self._read("SELECT pg_is_in_recovery()"))[0][0]:
            raise Unavailable("the database takes no writes now")

    async def close(self) -> None:
        await self.pool.close()

    async def _deliver(
        self, run: Callable[..., Awaitable[list[Any]]], letters: Sequence[NewLetter]
    ) -> list[Delivered | Failure]:
        """One piece of ``rounds``; an answer for each, in order."""
        arrays = delivery.arguments(letters)
        found = await run(self._timed(delivery.CALL), *arrays)
        if not found:
            await self._born(*(letter.account for letter in letters))
            found = await run(self._timed(delivery.CALL), *arrays)
        return [delivery.answer(row) for row in sorted(found, key=_by_place)]

    async def _change(self, statement: str, account: str, *args: object) -> Any:
        """What a function answers; what it refuses is raised."""
        (row,) = await self._write(statement, account, *args)
        if row["status"] == Status.NO_ACCOUNT:
            await self._born(account)
            (row,) = await self._write(statement, account, *args)
        if row["status"] != Status.DONE:
            raise refusal(row["status"])
        return row

    async def _one(self, account: str, statement: str, *args: object, writes: bool = False) -> Any:
        """The row of a mailbox. Raises NotFound."""
        found = await self._found(account, statement, *args, writes=writes)
        if not found:
            raise rules.no_mailbox()
        return found[0]

    async def _found(self, account: str, statement: str, *args: object, writes: bool = False) -> list[Any]:
        """What is not found is looked for again when the account is there for certain, whoever made it."""
        run = self._write if writes else self._read
        found = await run(statement, *args)
        if not found:
            await self._born(account)
            found = await run(statement, *args)
        return found

    async def _born(self, *accounts: str) -> None:
        """Make those that are not there."""
        await self._write(self._folders.born, accounts, NAMES, USES)

    def _timed(self, statement: str) -> str:
        return statement.format(now=self._now)

    async def _read(self, statement: str, *args: object) -> list[Any]:
        return await postgres.query(self.pool, statement, *args)

    async def _write(self, statement: str, *args: object) -> list[Any]:
        return await postgres.statement(self.pool, statement, *args)

    async def _transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        for _ in range(postgres.TRIES - 1):
            try:
                return await postgres.transaction(self.pool, work)
            except Unavailable as failure:
                if not isinstance(
                    failure.__cause__, asyncpg.DeadlockDetectedError | asyncpg.SerializationError
                ):
                    raise
        return await postgres.transaction(self.pool, work)


def _each(uids: Sequence[int]) -> list[int]:
    """Once and in order, as the statements want them."""
    return sorted(set(uids))


def _by_place(row: Any) -> int:
    place: int = row["place"]
    return place
