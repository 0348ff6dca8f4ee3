"""Migrations: numbered steps forward, each with its way back.

The steps of one port are a series, named after its first step, so that several ports may share a database. A database
may be one step newer than the program (a rolling update, or a program that was put back): that is no error, since
fields are only added (DESIGN I8). Further apart is one. Several processes may start at once: the caller holds the write
lock (``BEGIN IMMEDIATE``, or an advisory lock) around reading the version and taking the steps.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_TABLE = "CREATE TABLE IF NOT EXISTS migration (series TEXT, version INTEGER, name TEXT, PRIMARY KEY (series, version))"


class SchemaTooNew(RuntimeError):  # noqa: N818 - a state of affairs, as in FileExists
    """The database was migrated by a program more than one version newer, or is asked back further than one step."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """``version`` counts from 1 without gaps; ``up`` and ``down`` are SQL statements, one each."""

    version: int
    name: str
    up: Sequence[str]
    down: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Step:
    migration: Migration
    forward: bool

    @property
    def statements(self) -> Sequence[str]:
        return self.migration.up if self.forward else self.migration.down


def plan(at: int, migrations: Sequence[Migration], target: int | None = None) -> list[Step]:
    """Steps from version ``at`` (0: an empty database) to ``target`` (default: the newest known)."""
    newest = migrations[-1].version if migrations else 0
    if at > newest + 1:
        raise SchemaTooNew(f"the database is at version {at}, this program knows {newest}: run a newer one")
    if target is None:
        target = max(newest, at)
    if target < at:
        if at - target > 1 or at > newest:
            raise SchemaTooNew(
                f"the database goes back one step at a time: it is at version {at}, not {target + 1}"
            )
        return [Step(migration=m, forward=False) for m in migrations if m.version == at]
    return [Step(migration=m, forward=True) for m in migrations if at < m.version <= target]


def migrate_sqlite(
    conn: sqlite3.Connection, migrations: Sequence[Migration], target: int | None = None
) -> None:
    """Inside the caller's BEGIN IMMEDIATE."""
    if not migrations:
        return
    series = migrations[0].name
    conn.execute(_TABLE)
    row = conn.execute("SELECT max(version) FROM migration WHERE series = ?", (series,)).fetchone()
    for step in plan(row[0] or 0, migrations, target):
        for statement in step.statements:
            conn.execute(statement)
        key = (series, step.migration.version)
        if step.forward:
            conn.execute("INSERT INTO migration VALUES (?, ?, ?)", (*key, step.migration.name))
        else:
            conn.execute("DELETE FROM migration WHERE series = ? AND version = ?", key)


async def migrate_postgres(conn: Any, migrations: Sequence[Migration], target: int | None = None) -> None:
    """One transaction under an advisory lock."""
    if not migrations:
        return
    series = migrations[0].name
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1)", zlib.crc32(b"yubin/migration"))
        await conn.execute(_TABLE)
        at = await conn.fetchval("SELECT max(version) FROM migration WHERE series = $1", series)
        for step in plan(at or 0, migrations, target):
            for statement in step.statements:
                await conn.execute(statement)
            key = (series, step.migration.version)
            if step.forward:
                await conn.execute("INSERT INTO migration VALUES ($1, $2, $3)", *key, step.migration.name)
            else:
                await conn.execute("DELETE FROM migration WHERE series = $1 AND version = $2", *key)
