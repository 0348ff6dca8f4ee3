"""The index of words in SQLite: who waits, what was written, and what matches.

The FTS5 table knows letters by their numbers; every word has its account's number before it (sqlite_schema). Forgetting
a letter's words means saying them again, hence ``indexed``.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from uuid import UUID

from yubin.mailboxes import sqlite_accounts as accounts
from yubin.mailboxes.port import Indexed, Match, ToIndex, Where, Word

_COLUMN = {Where.ANY: "", Where.HEADER: "{header} : ", Where.BODY: "{body} : "}
_INSERT = "INSERT INTO words (rowid, header, body) VALUES (?, ?, ?)"
_DELETE = "INSERT INTO words (words, rowid, header, body) VALUES ('delete', ?, ?, ?)"


def to_index(conn: sqlite3.Connection, limit: int, until: float, now: float) -> list[ToIndex]:
    found = conn.execute(
        "SELECT u.letter, a.name, l.uuid, b.data, l.object FROM unindexed u JOIN account a ON a.id = u.account"
        " JOIN letter l ON l.id = u.letter LEFT JOIN body b ON b.letter = u.letter"
        " WHERE u.claimed <= ? ORDER BY u.letter LIMIT ?",
        (now, limit),
    ).fetchall()
    conn.executemany("UPDATE unindexed SET claimed = ? WHERE letter = ?", [(until, row[0]) for row in found])
    return [
        ToIndex(account=name, letter_id=UUID(bytes=id_), body=body, object=where)
        for _, name, id_, body, where in found
    ]


def index(conn: sqlite3.Connection, letters: Sequence[Indexed]) -> None:
    sql = "SELECT l.id, l.account FROM account a JOIN letter l ON l.account = a.id AND l.uuid = ? WHERE a.name = ?"
    there: dict[int, tuple[str, str]] = {}
    for given in letters:
        found = conn.execute(sql, (given.letter_id.bytes, given.account)).fetchone()
        if found:
            there[found[0]] = (_text(found[1], given.header), _text(found[1], given.body))
    forget(conn, there)
    conn.executemany(_INSERT, [(letter, header, body) for letter, (header, body) in there.items()])
    conn.executemany(
        "INSERT INTO indexed VALUES (?, ?)",
        [
            (letter, zlib.compress(f"{header}\0{body}".encode(), 1))
            for letter, (header, body) in there.items()
        ],
    )
    conn.executemany("DELETE FROM unindexed WHERE letter = ?", [(letter,) for letter in there])


def forget(conn: sqlite3.Connection, letters: Iterable[int]) -> None:
    """The words of these letters, where they have been written."""
    for letter in letters:
        found = conn.execute("DELETE FROM indexed WHERE letter = ? RETURNING words", (letter,)).fetchone()
        if found:
            header, _, body = zlib.decompress(found[0]).decode().partition("\0")
            conn.execute(_DELETE, (letter, header, body))


def match(conn: sqlite3.Connection, account: int, mailbox: int, words: Sequence[Word]) -> Match:
    accounts.state(conn, account, mailbox)
    unknown = conn.execute(
        "SELECT e.uid FROM unindexed u JOIN entry e ON e.letter = u.letter WHERE u.account = ? AND e.mailbox = ?"
        " ORDER BY e.uid",
        (account, mailbox),
    )
    if words:
        found = conn.execute(
            "SELECT e.uid FROM words CROSS JOIN entry e ON e.letter = words.rowid"  # CROSS: SQLite keeps this order
            " WHERE words MATCH ? AND e.account = ? AND e.mailbox = ? ORDER BY e.uid",
            (" AND ".join(dict.fromkeys(_query(account, word) for word in words)), account, mailbox),
        )
    else:
        found = conn.execute(
            "SELECT uid FROM entry e WHERE account = ? AND mailbox = ?"
            " AND NOT EXISTS (SELECT 1 FROM unindexed u WHERE u.letter = e.letter) ORDER BY uid",
            (account, mailbox),
        )
    return Match(uids=[uid for (uid,) in found], unknown=[uid for (uid,) in unknown])


def _text(account: int, words: Iterable[str]) -> str:
    return " ".join([f"{account}x{word}" for word in sorted(words)])


def _query(account: int, word: Word) -> str:
    """FTS5's grammar (SQLite manual, FTS5 3.1 to 3.7): a string in double quotes has none."""
    text = f"{account}x{word.text}".replace('"', '""')
    return f'{_COLUMN[word.where]}"{text}"{" *" if word.prefix else ""}'
