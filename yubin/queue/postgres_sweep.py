"""Forgetting, in PostgreSQL; see ``sqlite_sweep`` for the watermark and the order of things. One pod at a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from yubin.queue import rules

_NEXT = """
    SELECT d.ended, d.id, d.message_id FROM delivery d
    WHERE d.ended IS NOT NULL AND (d.ended, d.id) > ($1, $2) AND d.ended <= $3 ORDER BY d.ended, d.id LIMIT $4"""
_OLD = """
    SELECT DISTINCT message_id FROM (
        SELECT d.message_id FROM delivery d WHERE d.ended IS NOT NULL AND d.ended <= $1 ORDER BY d.ended, d.id LIMIT $2
    ) AS d"""
_OVER = """
    SELECT m.id, m.elsewhere FROM message m WHERE m.id = ANY($1::uuid[])
    AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = m.id AND (d.ended IS NULL OR d.ended > $2))
    AND NOT EXISTS (SELECT 1 FROM delivery d JOIN recipient r ON r.delivery_id = d.id WHERE d.message_id = m.id AND r.owed)"""
_FORGET = """
    WITH gone AS (SELECT * FROM unnest($1::uuid[]) AS t(id)),
    d AS (DELETE FROM delivery d USING gone WHERE d.message_id = gone.id RETURNING d.id),
    r AS (DELETE FROM recipient r USING delivery d, gone WHERE d.message_id = gone.id AND r.delivery_id = d.id),
    e AS (DELETE FROM event e USING gone WHERE e.message_id = gone.id),
    b AS (DELETE FROM body b USING gone WHERE b.message_id = gone.id)
    DELETE FROM message m USING gone WHERE m.id = gone.id"""


async def sweep(conn: Any, clock: str, keep: float, limit: int) -> list[UUID]:
    """The ids of letters that are over and whose body is in the object store; ``clock`` is a statement."""
    mark = await conn.fetchrow("SELECT at, id FROM sweep FOR UPDATE SKIP LOCKED")
    if not mark:
        return []
    now = await conn.fetchval(clock)
    gone = await _drop_bodies(conn, mark, now, limit)
    gone += await _forget(conn, now, now - keep, limit)
    return list(dict.fromkeys(UUID(int=id_.int) for id_ in gone))


async def _drop_bodies(conn: Any, mark: Any, now: float, limit: int) -> list[UUID]:
    found = await conn.fetch(_NEXT, mark["at"], mark["id"], now - rules.BODY_GRACE, limit)
    if not found:
        return []
    await conn.execute("UPDATE sweep SET at = $1, id = $2", found[-1]["ended"], found[-1]["id"])
    over = await conn.fetch(_OVER, list({row["message_id"] for row in found}), now)
    await conn.execute("DELETE FROM body WHERE message_id = ANY($1::uuid[])", [row["id"] for row in over])
    return [row["id"] for row in over if row["elsewhere"]]


async def _forget(conn: Any, now: float, until: float, limit: int) -> list[UUID]:
    asked = {row["message_id"] for row in await conn.fetch(_OLD, until, limit)}
    if not asked:
        return []
    over = await conn.fetch(_OVER, list(asked), until)
    gone = [row["id"] for row in over]
    await conn.execute(_FORGET, gone)
    await conn.execute(  # to the end of the line
        "UPDATE delivery SET ended = $1 WHERE message_id = ANY($2::uuid[]) AND ended <= $3",
        now, list(asked.difference(gone)), until,
    )  # fmt: skip
    return [row["id"] for row in over if row["elsewhere"]]
