"""Upkeep in PostgreSQL: five short transactions, none of which waits for anybody.

Whatever is locked is skipped and looked at next time. A letter is deleted under its account's lock, so that no entry for it
can appear meanwhile, and its own, so that nobody is writing its words. The name of its object is given back only when no
letter has it; a name that is lost because we died here is found again by comparing the object store with ``objects_known``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from yubin.mailboxes import postgres_statements as sql

Connection = Any  # asyncpg.Connection, which carries no types
Work = Callable[[Connection], Awaitable[set[str]]]


def steps(now: str, limit: int) -> list[Work]:
    """Each is a transaction, and returns the names of objects that nobody has; ``now`` as in ``Folders``."""

    async def gone(conn: Connection) -> set[str]:
        for row in await conn.fetch(sql.OLD_GONE.format(now=now), limit):
            for statement in sql.FORGET:
                await conn.execute(statement, row["account_id"])
        return set()

    async def delivered(conn: Connection) -> set[str]:
        await conn.execute(sql.OLD_DELIVERED.format(now=now), limit)
        return set()

    async def leases(conn: Connection) -> set[str]:
        await conn.execute(sql.OLD_LEASES.format(now=now), limit)
        return set()

    async def expunged(conn: Connection) -> set[str]:
        locked = await conn.fetch(sql.LOCK_EXPUNGED.format(now=now), limit)
        names = [row["account_id"] for row in locked]
        gone = await conn.fetch(sql.DROP_EXPUNGED.format(now=now), limit, names) if names else []
        await conn.executemany(sql.RAISE_FLOOR, [tuple(row) for row in gone])
        return set()

    async def letters(conn: Connection) -> set[str]:
        return await _letters(conn, limit)

    return [gone, letters, delivered, expunged, leases]


async def _letters(conn: Connection, limit: int) -> set[str]:
    placed = [row["account_id"] for row in await conn.fetch(sql.PLACEHOLDERS, limit)]
    locked = [row["account_id"] for row in await conn.fetch(sql.LOCK_LOOSE, limit)]
    free = await conn.fetch(sql.LOCK_LETTERS, locked, limit) if locked else []
    keys = [(row["account_id"], row["id"]) for row in free]
    over = await conn.fetch(sql.OVER, [account for account, _ in keys], [id_ for _, id_ in keys])
    gone = [row["n"] - 1 for row in over]
    await conn.executemany(sql.LOOKED_AT, keys)
    for statement in sql.DROP_LETTER:
        await conn.executemany(statement, [keys[n] for n in gone])
    if placed:
        await conn.execute(sql.UNPLACE, placed)
    names = {free[n]["object"] for n in gone} - {""}
    return names - {row["object"] for row in await conn.fetch(sql.OBJECTS, list(names))}
