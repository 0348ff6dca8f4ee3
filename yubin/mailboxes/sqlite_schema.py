"""The mailboxes' tables in SQLite, forward and back.

An account's name is written once; everywhere else it is a number, which leads every key, and which nobody gets again.
``account.name`` is NULL once it was forgotten, until the sweep has taken what was in it. A letter has a number of its
own; its bytes lie apart, so that a page of many rows reads none. ``loose`` are letters that lost an entry: the sweep
looks whether it was the last one. ``unindexed`` and ``indexed`` say how far the index is; the latter keeps the words,
which FTS5 has to be told again to forget them (there is no other copy of them: content='').

The words of all accounts are in one FTS5 table, each with its account's number before it, so that the index is led by the
account. Its tokenizer divides at spaces only: words come ready-made (yubin.mail.words), and ASCII capitals are folded.
"""

from __future__ import annotations

from yubin.database.migrate import Migration

_MARKS = "".join(chr(c) for c in range(33, 127) if not chr(c).isalnum())
_TOKENIZER = f"ascii tokenchars '{_MARKS.replace(chr(39), chr(39) * 2)}'".replace('"', '""')
_TABLES = (
    "account", "mailbox", "subscription", "keyword", "letter", "body", "entry", "expunged", "delivered", "lease", "loose",
    "unindexed", "indexed", "words",
)  # fmt: skip

SQLITE = (
    Migration(
        version=1,
        name="mailboxes",
        up=(
            """CREATE TABLE account (
                id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, modseq INTEGER NOT NULL,
                uidvalidity INTEGER NOT NULL, next_mailbox INTEGER NOT NULL
            )""",
            """CREATE TABLE mailbox (
                account INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, uidvalidity INTEGER NOT NULL,
                uidnext INTEGER NOT NULL DEFAULT 1, modseq INTEGER NOT NULL, expunged_floor INTEGER NOT NULL DEFAULT 0,
                first_recent INTEGER NOT NULL DEFAULT 1, special_use TEXT NOT NULL, messages INTEGER NOT NULL DEFAULT 0,
                unseen INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0,
                PRIMARY KEY (account, id)
            ) WITHOUT ROWID""",
            "CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name)",
            """CREATE TABLE subscription (
                account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)
            ) WITHOUT ROWID""",
            """CREATE TABLE keyword (
                account INTEGER NOT NULL, mailbox INTEGER NOT NULL, bit INTEGER NOT NULL, name TEXT NOT NULL,
                PRIMARY KEY (account, mailbox, bit)
            ) WITHOUT ROWID""",
            """CREATE TABLE letter (
                id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL, uuid BLOB NOT NULL, object TEXT NOT NULL,
                size INTEGER NOT NULL, received REAL NOT NULL, sha256 BLOB NOT NULL, thread TEXT NOT NULL,
                traceparent TEXT NOT NULL, envelope BLOB NOT NULL, summary BLOB NOT NULL, structure BLOB NOT NULL
            )""",
            "CREATE UNIQUE INDEX letter_uuid ON letter (account, uuid)",
            "CREATE INDEX letter_object ON letter (object) WHERE object <> ''",
            "CREATE TABLE body (letter INTEGER PRIMARY KEY, data BLOB NOT NULL)",
            """CREATE TABLE entry (
                account INTEGER NOT NULL, mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, letter INTEGER NOT NULL,
                modseq INTEGER NOT NULL, flags INTEGER NOT NULL, size INTEGER NOT NULL, saved REAL NOT NULL,
                PRIMARY KEY (account, mailbox, uid)
            ) WITHOUT ROWID""",
            "CREATE INDEX entry_modseq ON entry (account, mailbox, modseq)",
            "CREATE INDEX entry_letter ON entry (letter)",
            """CREATE TABLE expunged (
                account INTEGER NOT NULL, mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT NULL,
                at REAL NOT NULL, PRIMARY KEY (account, mailbox, modseq, uid)
            ) WITHOUT ROWID""",
            "CREATE INDEX expunged_at ON expunged (at)",
            """CREATE TABLE delivered (
                account INTEGER NOT NULL, delivery BLOB NOT NULL, mailbox INTEGER NOT NULL, uidvalidity INTEGER NOT NULL,
                uid INTEGER NOT NULL, modseq INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (account, delivery)
            ) WITHOUT ROWID""",
            "CREATE INDEX delivered_at ON delivered (at)",
            """CREATE TABLE lease (
                account INTEGER NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, until REAL NOT NULL,
                PRIMARY KEY (account, name, owner)
            ) WITHOUT ROWID""",
            "CREATE INDEX lease_until ON lease (until)",
            "CREATE TABLE loose (letter INTEGER PRIMARY KEY)",
            "CREATE TABLE unindexed (letter INTEGER PRIMARY KEY, account INTEGER NOT NULL, claimed REAL NOT NULL)",
            "CREATE INDEX unindexed_account ON unindexed (account)",
            "CREATE TABLE indexed (letter INTEGER PRIMARY KEY, words BLOB NOT NULL)",
            f"""CREATE VIRTUAL TABLE words USING fts5 (
                header, body, content='', columnsize=0, detail=column, tokenize="{_TOKENIZER}"
            )""",
        ),
        down=tuple(f"DROP TABLE {name}" for name in reversed(_TABLES)),
    ),
)
