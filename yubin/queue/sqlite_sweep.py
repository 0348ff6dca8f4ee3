"""Forgetting, in SQLite: bodies soon after a letter ended everywhere, the letter itself after ``keep`` seconds.

A watermark in ``sweep`` walks along the times at which deliveries ended, so that each is looked at once for its body. A
letter that cannot be forgotten yet, since another of its deliveries is on its way or a report is owed, is put at the
end of the line by moving its ``ended``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from uuid import UUID

from yubin.queue import rules

_OVER = (
    "SELECT max(m.elsewhere) FROM message m WHERE m.id = ?1"
    " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = ?1 AND d.ended IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM delivery d JOIN recipient r ON r.delivery_id = d.id"
    " WHERE d.message_id = ?1 AND r.owed)"
)


def sweep(conn: sqlite3.Connection, now: float, keep: float, limit: int) -> list[UUID]:
    """The ids of letters that are over and whose body is in the object store."""
    keys = [*_drop_bodies(conn, now - rules.BODY_GRACE, limit), *_forget(conn, now, now - keep, limit)]
    return [UUID(bytes=key) for key in dict.fromkeys(keys)]


def _drop_bodies(conn: sqlite3.Connection, until: float, limit: int) -> list[bytes]:
    at, last = conn.execute("SELECT at, id FROM sweep").fetchone()
    found = conn.execute(
        "SELECT ended, id, message_id FROM delivery WHERE ended IS NOT NULL AND (ended, id) > (?, ?) AND ended <= ?"
        " ORDER BY ended, id LIMIT ?",
        (at, last, until, limit),
    ).fetchall()
    if found:
        conn.execute("UPDATE sweep SET at = ?, id = ?", found[-1][:2])
    over = _over(conn, dict.fromkeys(key for _, _, key in found))
    conn.executemany("DELETE FROM body WHERE message_id = ?", [(key,) for key in over])
    return [key for key, elsewhere in over.items() if elsewhere]


def _forget(conn: sqlite3.Connection, now: float, until: float, limit: int) -> list[bytes]:
    found = conn.execute(
        "SELECT DISTINCT message_id FROM (SELECT message_id FROM delivery WHERE ended IS NOT NULL AND ended <= ?"
        " ORDER BY ended, id LIMIT ?)",
        (until, limit),
    ).fetchall()
    over = _over(conn, [key for (key,) in found])
    late = "SELECT 1 FROM delivery WHERE message_id = ? AND ended > ?"
    gone = {
        key: elsewhere for key, elsewhere in over.items() if not conn.execute(late, (key, until)).fetchone()
    }
    for (key,) in found:
        if key in gone:
            _delete(conn, key)
        else:
            sql = "UPDATE delivery SET ended = ? WHERE message_id = ? AND ended <= ?"
            conn.execute(sql, (now, key, until))
    return [key for key, elsewhere in gone.items() if elsewhere]


def _over(conn: sqlite3.Connection, keys: Iterable[bytes]) -> dict[bytes, bool]:
    """Of these letters, those that ended everywhere; True where the body is in the object store."""
    asked = ((key, conn.execute(_OVER, (key,)).fetchone()[0]) for key in keys)
    return {key: bool(elsewhere) for key, elsewhere in asked if elsewhere is not None}


def _delete(conn: sqlite3.Connection, key: bytes) -> None:
    conn.execute(
        "DELETE FROM recipient WHERE delivery_id IN (SELECT id FROM delivery WHERE message_id = ?)", (key,)
    )
    for table in ("delivery", "body", "event"):
        conn.execute(f"DELETE FROM {table} WHERE message_id = ?", (key,))  # noqa: S608
    conn.execute("DELETE FROM message WHERE id = ?", (key,))
