"""Accounts in one SQLite file, for one machine."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self, TypeVar

from yubin.accounts import schema
from yubin.accounts.sql import SqlAccounts
from yubin.accounts.steps import Steps
from yubin.database.sqlite import SqliteFile

V = TypeVar("V")


class SqliteAccounts(SqlAccounts):
    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    @classmethod
    async def open(cls, path: Path | str) -> Self:
        return cls(await SqliteFile.open(path, schema.SQLITE))

    async def check(self) -> None:
        await self._file.ping()

    async def close(self) -> None:
        await self._file.close()

    async def _read(self, steps: Steps[V]) -> V:
        return await self._file.read(lambda conn: _drive(conn, steps))

    async def _write(self, steps: Steps[V]) -> V:
        return await self._file.write(lambda conn: _drive(conn, steps))


def _drive(conn: sqlite3.Connection, steps: Steps[V]) -> V:
    cursor = conn.cursor()
    cursor.row_factory = sqlite3.Row
    try:
        statement, arguments = next(steps)
        while True:
            rows = cursor.execute(statement.replace("$", "?"), arguments).fetchall()
            statement, arguments = steps.send(rows)
    except StopIteration as end:
        result: V = end.value
        return result
    finally:
        cursor.close()
