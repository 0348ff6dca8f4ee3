"""What the sweep takes from SQLite: letters that nobody has, and what is old, some rows at a time.

A letter that lost an entry stands in ``loose``; here it is seen whether that was its last one. An object goes to the
caller for deletion when no letter, of whatever account, names it any more.
"""

from __future__ import annotations

import sqlite3

from yubin.mailboxes import rules
from yubin.mailboxes import sqlite_accounts as accounts
from yubin.mailboxes import sqlite_index as words
from yubin.mailboxes.port import DELIVERED_KEPT, EXPUNGED_KEPT


def sweep(conn: sqlite3.Connection, limit: int, now: float) -> list[str]:
    _forget_gone(conn, limit, now)
    _empty_forgotten(conn, limit)
    _drop_delivered(conn, limit, now)
    _drop_expunged(conn, limit, now)
    conn.execute("DELETE FROM lease WHERE until <= ? AND name <> ?", (now, rules.GONE))
    return _drop_letters(conn, limit)


def _forget_gone(conn: sqlite3.Connection, limit: int, now: float) -> None:
    """Whatever came to accounts after they were deleted for good."""
    due = conn.execute(
        "SELECT DISTINCT a.name FROM lease l JOIN account a ON a.id = l.account WHERE l.name = ? AND l.until <= ?"
        " AND a.name IS NOT NULL LIMIT ?",
        (rules.GONE, now, limit),
    ).fetchall()
    for (name,) in due:
        accounts.forget(conn, name)


def _empty_forgotten(conn: sqlite3.Connection, limit: int) -> None:
    """Entries first; old delivery ids and expunged UIDs go with the others of their age."""
    for (account,) in conn.execute("SELECT id FROM account WHERE name IS NULL LIMIT ?", (limit,)).fetchall():
        keys = conn.execute(
            "SELECT account, mailbox, uid, letter FROM entry WHERE account = ? LIMIT ?", (account, limit)
        ).fetchall()
        conn.executemany("INSERT OR IGNORE INTO loose VALUES (?)", [(key[3],) for key in keys])
        conn.executemany(
            "DELETE FROM entry WHERE account = ? AND mailbox = ? AND uid = ?", [key[:3] for key in keys]
        )
        limit -= len(keys)
        if limit <= 0:
            return
        for table in ("mailbox", "keyword", "subscription", "lease"):
            conn.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608
        conn.execute("DELETE FROM account WHERE id = ?", (account,))


def _drop_delivered(conn: sqlite3.Connection, limit: int, now: float) -> None:
    keys = conn.execute(
        "SELECT account, delivery FROM delivered WHERE at <= ? ORDER BY at LIMIT ?",
        (now - DELIVERED_KEPT, limit),
    ).fetchall()
    conn.executemany("DELETE FROM delivered WHERE account = ? AND delivery = ?", keys)


def _drop_expunged(conn: sqlite3.Connection, limit: int, now: float) -> None:
    """RFC 7162 3.2.5.2: who asks from below the floor is told that it is not known any more."""
    keys = conn.execute(
        "SELECT account, mailbox, modseq, uid FROM expunged WHERE at <= ? ORDER BY at, modseq LIMIT ?",
        (now - EXPUNGED_KEPT, limit),
    ).fetchall()
    conn.executemany(
        "DELETE FROM expunged WHERE account = ? AND mailbox = ? AND modseq = ? AND uid = ?", keys
    )
    floors: dict[tuple[int, int], int] = {}
    for account, mailbox, modseq, _ in keys:
        floors[account, mailbox] = max(modseq, floors.get((account, mailbox), 0))
    conn.executemany(
        "UPDATE mailbox SET expunged_floor = max(expunged_floor, ?) WHERE account = ? AND id = ?",
        [(floor, *key) for key, floor in floors.items()],
    )


def _drop_letters(conn: sqlite3.Connection, limit: int) -> list[str]:
    looked = conn.execute(
        "SELECT letter, EXISTS (SELECT 1 FROM entry e WHERE e.letter = loose.letter) FROM loose ORDER BY letter LIMIT ?",
        (limit,),
    ).fetchall()
    gone = [(letter,) for letter, held in looked if not held]
    words.forget(conn, [letter for (letter,) in gone])
    named = {conn.execute("SELECT object FROM letter WHERE id = ?", key).fetchone()[0] for key in gone} - {""}
    for table, column in (("body", "letter"), ("unindexed", "letter"), ("letter", "id")):
        conn.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
    conn.executemany("DELETE FROM loose WHERE letter = ?", [(letter,) for letter, _ in looked])
    return sorted(named - known(conn, named))


def known(conn: sqlite3.Connection, names: set[str]) -> set[str]:
    """Those of these objects that some letter has."""
    sql = "SELECT 1 FROM letter WHERE object = ? AND object <> '' LIMIT 1"
    return {name for name in names if conn.execute(sql, (name,)).fetchone()}
