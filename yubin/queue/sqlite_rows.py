"""How the ledger's values lie in SQLite: reading and writing rows, one function for each table and direction.

Runs on the database's threads, with its connection. The columns of ``delivery`` and ``recipient`` stand in the order of
``life.Row`` and ``life.Recipient``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from yubin.queue import life, rules
from yubin.queue.life import News, Recipient, Row
from yubin.queue.port import (
    Event,
    EventKind,
    Letter,
    Message,
    Origin,
    Outcome,
    Selection,
    State,
    Terms,
    Wish,
)

_ROW = tuple(field.name for field in fields(Row))
_RECIPIENT = tuple(field.name for field in fields(Recipient))
_FIXED = ("id", "message_id", "tenant", "domain")  # of a delivery
_CHANGING = tuple(name for name in _ROW if name not in _FIXED)
MESSAGE = (
    "m.id, m.tenant, m.account, m.origin, m.sender, m.size, m.sha256, m.body_type, m.utf8, m.requiretls, m.envid, m.ret,"
    " m.klass, m.created, m.expires_in, m.traceparent"
)
DELIVERY = ", ".join(f"d.{name}" for name in _ROW)
_SAVE_ROW = f"UPDATE delivery SET {', '.join(f'{name} = ?' for name in _CHANGING)}, waiting = ? WHERE id = ?"  # noqa: S608
_SAVE_RECIPIENT = (
    "UPDATE recipient SET outcome = ?, code = ?, enhanced = ?, text = ?, peer = ?, tried = ?, ended = ?, owed = ?"
    " WHERE delivery_id = ? AND n = ?"
)
_INSERT_EVENT = (
    "INSERT INTO event (message_id, delivery_id, n, at, kind, code, enhanced, text, peer)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_EVENT = (
    "SELECT e.seq, e.message_id, e.delivery_id, e.n, e.at, e.kind, e.code, e.enhanced, e.text, e.peer, m.tenant,"
    " coalesce(r.address, '') FROM event e JOIN message m ON m.id = e.message_id"
    " LEFT JOIN recipient r ON r.delivery_id = e.delivery_id AND r.n = e.n"
)


def insert_letters(conn: sqlite3.Connection, letters: Iterable[Letter], now: float, terms: Terms) -> None:
    """All tables, each in one call; letters that are there already are left alone."""
    fresh = [letter for letter in rules.distinct(list(letters)) if not is_known(conn, letter.message.id)]
    conn.executemany(
        f"INSERT INTO message VALUES ({_marks(17)})",  # noqa: S608
        [(*_message_values(letter.message, now), letter.body is None) for letter in fresh],
    )
    conn.executemany(
        "INSERT INTO body VALUES (?, ?)", [(m.message.id.bytes, m.body) for m in fresh if m.body is not None]
    )
    made = [life.born(letter, new, now, terms) for letter in fresh for new in letter.deliveries]
    conn.executemany(
        f"INSERT INTO delivery VALUES ({_marks(len(_ROW) + 1)})",  # noqa: S608
        [(*(_plain(getattr(row, name)) for name in _ROW), row.waiting) for row, _ in made],
    )
    conn.executemany(
        f"INSERT INTO recipient VALUES ({_marks(len(_RECIPIENT) + 1)})",  # noqa: S608
        [
            (row.id.bytes, *(getattr(r, name) for name in _RECIPIENT))
            for row, recipients in made
            for r in recipients
        ],
    )
    conn.executemany(
        _INSERT_EVENT, [(x.message.id.bytes, None, -1, now, EventKind.ACCEPTED, 0, "", "", "") for x in fresh]
    )


def is_known(conn: sqlite3.Connection, message_id: UUID) -> bool:
    return conn.execute("SELECT 1 FROM message WHERE id = ?", (message_id.bytes,)).fetchone() is not None


def load(conn: sqlite3.Connection, delivery_id: UUID | bytes) -> tuple[Row | None, list[Recipient]]:
    key = delivery_id if isinstance(delivery_id, bytes) else delivery_id.bytes
    values = conn.execute(f"SELECT {DELIVERY} FROM delivery d WHERE id = ?", (key,)).fetchone()  # noqa: S608
    return (to_row(values), recipients_of(conn, key)) if values else (None, [])


def recipients_of(conn: sqlite3.Connection, delivery_id: bytes) -> list[Recipient]:
    found = conn.execute("SELECT * FROM recipient WHERE delivery_id = ? ORDER BY n", (delivery_id,))
    return [to_recipient(values[1:]) for values in found]


def save(conn: sqlite3.Connection, row: Row, recipients: Iterable[Recipient] = ()) -> None:
    values = [_plain(getattr(row, name)) for name in _CHANGING]
    conn.execute(_SAVE_ROW, (*values, row.waiting, row.id.bytes))
    conn.executemany(
        _SAVE_RECIPIENT,
        [
            (r.outcome, r.code, r.enhanced, r.text, r.peer, r.tried, r.ended, r.owed, row.id.bytes, r.n)
            for r in recipients
        ],
    )


def tell(conn: sqlite3.Connection, row: Row, news: Iterable[News], now: float) -> None:
    conn.executemany(
        _INSERT_EVENT,
        [
            (row.message_id.bytes, row.id.bytes, e.n, now, e.kind, e.code, e.enhanced, e.text, e.peer) for e in news
        ],
    )  # fmt: skip


def events(conn: sqlite3.Connection, where: str, *values: object) -> Iterator[Event]:
    for row in conn.execute(f"{_EVENT} {where}", values):
        yield Event(
            seq=row[0], message_id=UUID(bytes=row[1]), delivery_id=UUID(bytes=row[2]) if row[2] else None, n=row[3],
            at=row[4], kind=EventKind(row[5]), code=row[6], enhanced=row[7], text=row[8], peer=row[9], tenant=row[10],
            recipient=row[11],
        )  # fmt: skip


def load_message(conn: sqlite3.Connection, message_id: UUID) -> Message | None:
    values = conn.execute(f"SELECT {MESSAGE} FROM message m WHERE id = ?", (message_id.bytes,)).fetchone()  # noqa: S608
    return to_message(values) if values else None


def load_body(conn: sqlite3.Connection, message_id: UUID) -> bytes | None:
    found = conn.execute("SELECT data FROM body WHERE message_id = ?", (message_id.bytes,)).fetchone()
    return found[0] if found else None


def deliveries_of(conn: sqlite3.Connection, message_id: UUID) -> list[tuple[Row, list[Recipient]]]:
    found = conn.execute(
        f"SELECT {DELIVERY} FROM delivery d WHERE message_id = ? ORDER BY id",  # noqa: S608
        (message_id.bytes,),
    ).fetchall()
    return [(to_row(values), recipients_of(conn, values[0])) for values in found]


def select(
    conn: sqlite3.Connection, wanted: Selection, *, limit: int, after: UUID | None
) -> list[tuple[Row, Message]]:
    """A page of chosen rows by id, with their messages."""
    terms = ["d.id > ?", "d.ended IS NOT NULL" if wanted.state is State.DONE else "d.ended IS NULL"]
    values: list[Any] = [after.bytes if after else b""]
    columns = {
        "tenant": "d.tenant",
        "domain": "d.domain",
        "site": "d.site",
        "state": "d.state",
        "sender": "m.sender",
    }
    for name, column in columns.items():
        if getattr(wanted, name) is not None:
            terms.append(f"{column} = ?")
            values.append(getattr(wanted, name))
    if wanted.message_id is not None:
        terms.append("d.message_id = ?")
        values.append(wanted.message_id.bytes)
    found = conn.execute(
        f"SELECT {DELIVERY}, {MESSAGE} FROM delivery d JOIN message m ON m.id = d.message_id"  # noqa: S608
        f" WHERE {' AND '.join(terms)} ORDER BY d.id LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [(to_row(row[: len(_ROW)]), to_message(row[len(_ROW) :])) for row in found]


def to_row(values: Sequence[Any]) -> Row:
    made = Row(**dict(zip(_ROW, values, strict=True)))
    made.id, made.message_id = UUID(bytes=values[0]), UUID(bytes=values[1])
    made.state, made.wish = State(made.state), Wish(made.wish) if made.wish else None
    made.in_doubt, made.marked = bool(made.in_doubt), bool(made.marked)
    return made


def to_recipient(values: Sequence[Any]) -> Recipient:
    made = Recipient(**dict(zip(_RECIPIENT, values, strict=True)))
    made.outcome, made.owed = Outcome(made.outcome), bool(made.owed)
    return made


def to_message(values: Sequence[Any]) -> Message:
    return Message(
        id=UUID(bytes=values[0]), tenant=values[1], account=values[2], origin=Origin(values[3]), sender=values[4],
        size=values[5], sha256=values[6], body_type=values[7], utf8=bool(values[8]), requiretls=bool(values[9]),
        envid=values[10], ret=values[11], klass=values[12], created=values[13], expires_in=values[14],
        traceparent=values[15],
    )  # fmt: skip


def _message_values(m: Message, now: float) -> tuple[Any, ...]:
    return (
        m.id.bytes, m.tenant, m.account, m.origin, m.sender, m.size, m.sha256, m.body_type, m.utf8, m.requiretls,
        m.envid, m.ret, m.klass, now, rules.term(m), m.traceparent,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value.bytes if isinstance(value, UUID) else value


def _marks(count: int) -> str:
    return ", ".join("?" * count)
