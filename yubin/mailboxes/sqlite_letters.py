"""Letters into mailboxes in SQLite: a batch is placed in memory, then written table by table.

Each mailbox that the batch touches is read once, and its counters written once; UIDs and MODSEQs count up in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from yubin.errors import Failure
from yubin.mailboxes import flags as bits_of
from yubin.mailboxes import rules
from yubin.mailboxes import sqlite_accounts as accounts
from yubin.mailboxes.port import INBOX, Delivered, NewLetter

_LETTER = (
    "INSERT INTO letter (account, uuid, object, size, received, sha256, thread, envelope, summary, structure,"
    " traceparent)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, uuid) DO NOTHING RETURNING id"
)
_Rows = list[tuple[object, ...]]


@dataclass(kw_only=True)
class _Box:
    account: int
    id: int
    uidvalidity: int
    uidnext: int
    modseq: int
    keywords: tuple[str, ...]
    change: accounts.Change = field(default_factory=accounts.Change)
    come: int = 0

    def take(self, modseq: int) -> int:
        """The next UID."""
        self.come, self.modseq = self.come + 1, modseq
        return self.uidnext + self.come - 1


@dataclass(kw_only=True)
class _Account:
    """``used`` is None until somebody asks."""

    number: int
    modseq: int
    used: int | None = None


class Batch:
    """One transaction's letters. ``put`` answers for one of them, ``write`` writes what was put."""

    def __init__(self, conn: sqlite3.Connection, now: float) -> None:
        self._conn, self._now = conn, now
        self._accounts: dict[str, _Account] = {}
        self._boxes: dict[tuple[int, int], _Box] = {}
        self._places: dict[tuple[int, bytes], Delivered] = {}
        self._bodies: _Rows = []
        self._entries: _Rows = []
        self._unindexed: _Rows = []

    def put(self, letter: NewLetter) -> Delivered | Failure:
        account = self._account(letter.account)
        before = self._before(account.number, letter.delivery_id.bytes)
        if before:
            return before
        try:
            box = self._box(account.number, self._mailbox(account.number, letter))
            system, keywords = bits_of.split(letter.flags)
            self._check_quota(account, letter)
            known = accounts.learn(self._conn, account.number, box.id, box.keywords, keywords)
        except Failure as failure:
            return failure
        box.keywords = known
        return self._place(account, box, letter, system | bits_of.keyword_bits(known, keywords))

    def write(self) -> None:
        run = self._conn.executemany
        run("INSERT INTO body VALUES (?, ?)", self._bodies)
        run("INSERT INTO unindexed VALUES (?, ?, 0)", self._unindexed)
        run("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._entries)
        run(
            "INSERT INTO delivered VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*k, p.mailbox_id, p.uidvalidity, p.uid, p.modseq, self._now) for k, p in self._places.items()],
        )
        for box in self._boxes.values():
            if box.come:
                accounts.count(self._conn, box.account, box.id, box.change, box.modseq, box.come)
        run(
            "UPDATE account SET modseq = ? WHERE id = ?",
            [(account.modseq, account.number) for account in self._accounts.values()],
        )

    def _account(self, name: str) -> _Account:
        if name not in self._accounts:
            number = accounts.born(self._conn, name, self._now)
            (modseq,) = self._conn.execute("SELECT modseq FROM account WHERE id = ?", (number,)).fetchone()
            self._accounts[name] = _Account(number=number, modseq=modseq)
        return self._accounts[name]

    def _before(self, account: int, delivery: bytes) -> Delivered | None:
        """The place that it had when it came the first time."""
        found = self._conn.execute(
            "SELECT mailbox, uidvalidity, uid, modseq FROM delivered WHERE account = ? AND delivery = ?",
            (account, delivery),
        ).fetchone()
        if not found:
            place = self._places.get((account, delivery))
            found = (place.mailbox_id, place.uidvalidity, place.uid, place.modseq) if place else None
        if not found:
            return None
        return Delivered(
            mailbox_id=found[0], uidvalidity=found[1], uid=found[2], modseq=found[3], fresh=False
        )

    def _mailbox(self, account: int, letter: NewLetter) -> int:
        if letter.mailbox_id is not None:
            return letter.mailbox_id
        (found,) = self._conn.execute(
            "SELECT coalesce((SELECT id FROM mailbox WHERE account = ?1 AND special_use = ?2 AND ?2 <> ''),"
            " (SELECT id FROM mailbox WHERE account = ?1 AND name = ?3))",
            (account, letter.special_use, INBOX),
        ).fetchone()
        return int(found)

    def _box(self, account: int, mailbox: int) -> _Box:
        if (account, mailbox) not in self._boxes:
            found = self._conn.execute(
                "SELECT uidvalidity, uidnext, modseq FROM mailbox WHERE account = ? AND id = ?",
                (account, mailbox),
            ).fetchone()
            if not found:
                raise rules.no_mailbox()
            self._boxes[account, mailbox] = _Box(
                account=account, id=mailbox, uidvalidity=found[0], uidnext=found[1], modseq=found[2],
                keywords=accounts.keywords(self._conn, account, mailbox),
            )  # fmt: skip
        return self._boxes[account, mailbox]

    def _check_quota(self, account: _Account, letter: NewLetter) -> None:
        if letter.quota:
            if account.used is None:
                earlier = sum(b.change.size for b in self._boxes.values() if b.account == account.number)
                account.used = accounts.used(self._conn, account.number) + earlier
            rules.check_quota(account.used, letter.size, letter.quota)

    def _place(self, account: _Account, box: _Box, letter: NewLetter, flags: int) -> Delivered:
        account.modseq += 1
        uid = box.take(account.modseq)
        box.change.add(flags, letter.size)
        if account.used is not None:
            account.used += letter.size
        self._entries.append(
            (account.number, box.id, uid, self._letter(account.number, letter), account.modseq, flags, letter.size,
             self._now)
        )  # fmt: skip
        place = Delivered(mailbox_id=box.id, uidvalidity=box.uidvalidity, uid=uid, modseq=account.modseq)
        self._places[account.number, letter.delivery_id.bytes] = place
        return place

    def _letter(self, account: int, letter: NewLetter) -> int:
        """Its number. One that is there already (its entries went, the sweep has not come yet) is the same letter."""
        parsed, key = letter.parsed, letter.letter_id.bytes
        received = self._now if letter.received is None else letter.received
        made = self._conn.execute(
            _LETTER,
            (account, key, letter.object, letter.size, received, letter.sha256, parsed.thread, parsed.envelope,
             parsed.summary, parsed.structure, letter.traceparent),
        ).fetchone()  # fmt: skip
        if not made:
            (number,) = self._conn.execute(
                "SELECT id FROM letter WHERE account = ? AND uuid = ?", (account, key)
            ).fetchone()
            return int(number)
        self._unindexed.append((made[0], account))
        if letter.body is not None:
            self._bodies.append((made[0], letter.body))
        return int(made[0])


def deliver(conn: sqlite3.Connection, letters: Sequence[NewLetter], now: float) -> list[Delivered | Failure]:
    batch = Batch(conn, now)
    answers = [batch.put(letter) for letter in letters]
    batch.write()
    return answers
