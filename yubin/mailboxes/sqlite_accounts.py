"""Accounts and their mailboxes in SQLite: born, named, counted, forgotten.

Runs on the database's threads, with its connection; ``account`` is the number that stands for the name. The columns of
``STATE`` stand in the order of ``port.Mailbox``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from yubin.errors import Invalid
from yubin.mailboxes import flags as bits_of
from yubin.mailboxes import rules
from yubin.mailboxes.port import FIRST, FIRST_KEYWORD, INBOX, Mailbox, Usage

_NAMES = tuple(field.name for field in fields(Mailbox))
STATE = (
    "SELECT m.id, m.name, m.uidvalidity, m.uidnext, m.modseq, m.expunged_floor, m.first_recent, m.special_use,"
    " s.name IS NOT NULL, m.messages, m.unseen, m.deleted, m.size FROM mailbox m"
    " LEFT JOIN subscription s ON s.account = m.account AND s.name = m.name WHERE m.account = ?"
)


@dataclass(kw_only=True)
class Change:
    """What a batch of entries that came, or went, does to the counters of their mailbox."""

    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size: int = 0

    def add(self, flags: int, size: int, sign: int = 1) -> None:
        """``sign`` -1: it went."""
        self.messages += sign
        self.size += sign * size
        self.unseen += sign * (not flags & bits_of.SEEN)
        self.deleted += sign * bool(flags & bits_of.DELETED)

    def reflag(self, old: int, new: int) -> None:
        """The flags of one entry changed."""
        self.unseen += bool(old & bits_of.SEEN) - bool(new & bits_of.SEEN)
        self.deleted += bool(new & bits_of.DELETED) - bool(old & bits_of.DELETED)


def number(conn: sqlite3.Connection, name: str) -> int | None:
    found = conn.execute("SELECT id FROM account WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else None


def born(conn: sqlite3.Connection, name: str, now: float) -> int:
    """The account's number; it comes into being when it is not there. UIDVALIDITY goes by the clock: who comes again is new."""
    account = number(conn, name)
    if account is None:
        made = conn.execute(
            "INSERT INTO account (name, modseq, uidvalidity, next_mailbox) VALUES (?, 1, ?, 1)",
            (name, int(now)),
        )
        account = int(made.lastrowid or 0)
        for title, use in FIRST:
            make(conn, account, title, use, 1, now)
            subscribe(conn, account, title, on=True)
    return account


def make(conn: sqlite3.Connection, account: int, name: str, use: str, modseq: int, now: float) -> int:
    """A mailbox; its id."""
    id_, uidvalidity = conn.execute(
        "UPDATE account SET next_mailbox = next_mailbox + 1, uidvalidity = max(uidvalidity, ?) + 1 WHERE id = ?"
        " RETURNING next_mailbox - 1, uidvalidity - 1",
        (int(now), account),
    ).fetchone()
    conn.execute(
        "INSERT INTO mailbox (account, id, name, uidvalidity, modseq, special_use) VALUES (?, ?, ?, ?, ?, ?)",
        (account, id_, name, uidvalidity, modseq, use),
    )
    return int(id_)


def tick(conn: sqlite3.Connection, account: int) -> int:
    """A MODSEQ above all that the account has had."""
    (modseq,) = conn.execute(
        "UPDATE account SET modseq = modseq + 1 WHERE id = ? RETURNING modseq", (account,)
    ).fetchone()
    return int(modseq)


def states(conn: sqlite3.Connection, account: int) -> tuple[Mailbox, ...]:
    return tuple(_to_mailbox(row) for row in conn.execute(f"{STATE} ORDER BY m.name", (account,)))


def state(conn: sqlite3.Connection, account: int, mailbox: int) -> Mailbox:
    found = conn.execute(f"{STATE} AND m.id = ?", (account, mailbox)).fetchone()
    if not found:
        raise rules.no_mailbox()
    return _to_mailbox(found)


def _to_mailbox(row: Sequence[object]) -> Mailbox:
    values = dict(zip(_NAMES, row, strict=True))
    return Mailbox(**values | {"subscribed": bool(values["subscribed"])})  # type: ignore[arg-type]


def select(conn: sqlite3.Connection, account: int, mailbox: int) -> Mailbox:
    before = state(conn, account, mailbox)
    if before.first_recent != before.uidnext:
        conn.execute(
            "UPDATE mailbox SET first_recent = uidnext WHERE account = ? AND id = ?", (account, mailbox)
        )
    return before


def check_new(conn: sqlite3.Connection, account: int, name: str, use: str) -> None:
    names, uses = [], []
    for title, special in conn.execute("SELECT name, special_use FROM mailbox WHERE account = ?", (account,)):
        names.append(title)
        uses.append(special)
    rules.check_new(names, uses, name, use)


def create(conn: sqlite3.Connection, account: int, name: str, use: str, now: float) -> Mailbox:
    check_new(conn, account, name, use)
    return state(conn, account, make(conn, account, name, use, tick(conn, account), now))


def rename(conn: sqlite3.Connection, account: int, old: str, new: str) -> None:
    """With everything below it; not of INBOX."""
    names = [name for (name,) in conn.execute("SELECT name FROM mailbox WHERE account = ?", (account,))]
    for before, after in rules.renamed(names, old, new):
        conn.execute("UPDATE mailbox SET name = ? WHERE account = ? AND name = ?", (after, account, before))


def delete(conn: sqlite3.Connection, account: int, mailbox: int) -> None:
    if state(conn, account, mailbox).name == INBOX:
        raise Invalid("INBOX cannot be deleted")  # RFC 9051 6.3.5
    conn.execute(
        "INSERT OR IGNORE INTO loose SELECT letter FROM entry WHERE account = ? AND mailbox = ?",
        (account, mailbox),
    )
    for table in ("entry", "expunged", "keyword"):
        conn.execute(f"DELETE FROM {table} WHERE account = ? AND mailbox = ?", (account, mailbox))  # noqa: S608
    conn.execute("DELETE FROM mailbox WHERE account = ? AND id = ?", (account, mailbox))


def subscribe(conn: sqlite3.Connection, account: int, name: str, *, on: bool) -> None:
    verb = "INSERT OR IGNORE INTO subscription VALUES (?, ?)"
    if not on:
        verb = "DELETE FROM subscription WHERE account = ? AND name = ?"
    conn.execute(verb, (account, name))


def subscriptions(conn: sqlite3.Connection, account: int) -> tuple[str, ...]:
    found = conn.execute("SELECT name FROM subscription WHERE account = ? ORDER BY name", (account,))
    return tuple(name for (name,) in found)


def keywords(conn: sqlite3.Connection, account: int, mailbox: int) -> tuple[str, ...]:
    found = conn.execute(
        "SELECT name FROM keyword WHERE account = ? AND mailbox = ? ORDER BY bit", (account, mailbox)
    )
    return tuple(name for (name,) in found)


def learn(
    conn: sqlite3.Connection, account: int, mailbox: int, known: Sequence[str], wanted: Sequence[str]
) -> tuple[str, ...]:
    """The mailbox' keywords, with those of ``wanted`` that are new. Raises Exhausted."""
    every = bits_of.extended(known, wanted)
    fresh = list(enumerate(every, FIRST_KEYWORD))[len(known) :]
    conn.executemany(
        "INSERT INTO keyword VALUES (?, ?, ?, ?)", [(account, mailbox, bit, name) for bit, name in fresh]
    )
    return every


def count(
    conn: sqlite3.Connection, account: int, mailbox: int, change: Change, modseq: int, come: int = 0
) -> None:
    """``come``: how many UIDs were given out."""
    conn.execute(
        "UPDATE mailbox SET messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?, size = size + ?,"
        " modseq = ?, uidnext = uidnext + ? WHERE account = ? AND id = ?",
        (change.messages, change.unseen, change.deleted, change.size, modseq, come, account, mailbox),
    )


def used(conn: sqlite3.Connection, account: int) -> int:
    (size,) = conn.execute(
        "SELECT coalesce(sum(size), 0) FROM mailbox WHERE account = ?", (account,)
    ).fetchone()
    return int(size)


def usage(conn: sqlite3.Connection, names: Sequence[str]) -> Mapping[str, Usage]:
    sql = (
        "SELECT coalesce(sum(size), 0), coalesce(sum(messages), 0), count(*) FROM mailbox"
        " WHERE account = (SELECT id FROM account WHERE name = ?)"
    )
    found = {name: conn.execute(sql, (name,)).fetchone() for name in names}
    return {
        name: Usage(used=size, messages=messages, mailboxes=boxes) if boxes else Usage()
        for name, (size, messages, boxes) in found.items()
    }


def modseqs(
    conn: sqlite3.Connection, pairs: Sequence[tuple[str, int]]
) -> Mapping[tuple[str, int], tuple[int, int]]:
    sql = "SELECT m.modseq, m.uidnext FROM account a JOIN mailbox m ON m.account = a.id AND m.id = ? WHERE a.name = ?"
    found = ((pair, conn.execute(sql, (pair[1], pair[0])).fetchone()) for pair in pairs)
    return {pair: (row[0], row[1]) for pair, row in found if row}


def forget(conn: sqlite3.Connection, name: str) -> None:
    """At once for everybody; the sweep takes the rows, page by page."""
    account = number(conn, name)
    conn.execute("UPDATE account SET name = NULL WHERE id = ?", (account,))
    conn.execute("DELETE FROM unindexed WHERE account = ?", (account,))


def lease(
    conn: sqlite3.Connection, account: int, asked: tuple[str, str], until: float, most: int, now: float
) -> bool:
    """``asked``: name and owner."""
    conn.execute("DELETE FROM lease WHERE account = ? AND name = ? AND until <= ?", (account, asked[0], now))
    owners = [
        o
        for (o,) in conn.execute(
            "SELECT owner FROM lease WHERE account = ? AND name = ?", (account, asked[0])
        )
    ]
    if asked[1] not in owners and len(owners) >= most:
        return False
    conn.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?)", (account, *asked, until))
    return True
