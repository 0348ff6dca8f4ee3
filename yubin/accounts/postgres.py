"""Accounts in PostgreSQL, shared by every directory pod."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from yubin.accounts import schema
from yubin.accounts.sql import SqlAccounts
from yubin.accounts.steps import Steps
from yubin.database.postgres import Pool, open_pool, query, transaction

V = TypeVar("V")


class PostgresAccounts(SqlAccounts):
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str) -> Self:
        return cls(await open_pool(dsn, schema.POSTGRES))

    async def check(self) -> None:
        await query(self._pool, "SELECT 1")

    async def close(self) -> None:
        await self._pool.close()

    async def _read(self, steps: Steps[V]) -> V:
        """Each statement by itself: what changes between two of them may be seen by the second."""
        try:
            statement, arguments = next(steps)
            while True:
                statement, arguments = steps.send(await query(self._pool, statement, *arguments))
        except StopIteration as end:
            result: V = end.value
            return result

    async def _write(self, steps: Steps[V]) -> V:
        return await transaction(self._pool, lambda conn: _drive(conn, steps))


async def _drive(conn: Any, steps: Steps[V]) -> V:
    try:
        statement, arguments = next(steps)
        while True:
            statement, arguments = steps.send(await conn.fetch(statement, *arguments))
    except StopIteration as end:
        result: V = end.value
        return result
