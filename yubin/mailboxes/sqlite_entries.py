"""Entries in SQLite: pages of them, their flags, their ways from one mailbox to another and out.

Runs on the database's threads, with its connection. Lists of UIDs may be long: they travel as one JSON text.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Sequence
from operator import lt
from uuid import UUID

from yubin.mailboxes import flags as bits_of
from yubin.mailboxes import rules
from yubin.mailboxes import sqlite_accounts as accounts
from yubin.mailboxes.gathered import gathered
from yubin.mailboxes.port import COLUMNS, Copied, Expunged, How, Mailbox, Row, Rows, Stored, View, Want

_MARKED = f" AND flags & {bits_of.DELETED}"
_ENTRIES = "entry WHERE account = ? AND mailbox = ?"
_PARTS = {
    Want.LETTER_ID: "l.uuid", Want.SIZE: "l.size", Want.RECEIVED: "l.received", Want.SAVED: "e.saved",
    Want.THREAD: "l.thread", Want.ENVELOPE: "l.envelope", Want.STRUCTURE: "l.structure", Want.SUMMARY: "l.summary",
    Want.BODY: "(SELECT data FROM body WHERE letter = l.id)", Want.OBJECT: "l.object", Want.ORIGIN: "l.traceparent",
}  # fmt: skip


def _chosen(uids: Sequence[int]) -> tuple[str, tuple[object, ...]]:
    """A condition and its values; a run of UIDs, which is what is mostly asked for, needs no list."""
    if isinstance(uids, range) and uids.step == 1:
        return " AND uid BETWEEN ? AND ?", (uids.start, uids.stop - 1)
    if uids and uids[-1] - uids[0] == len(uids) - 1 and all(map(lt, uids, uids[1:])):
        return " AND uid BETWEEN ? AND ?", (uids[0], uids[-1])
    return " AND uid IN (SELECT value FROM json_each(?))", (json.dumps([*uids]),)


def view(conn: sqlite3.Connection, account: int, mailbox: int, since: int, after: int, limit: int) -> View:
    state = accounts.state(conn, account, mailbox)
    index = (
        "INDEXED BY entry_modseq" if since and not after else ""
    )  # few of many: what changed is found by MODSEQ
    texts = conn.execute(  # one row: as one for each entry they cost half as much again
        "SELECT json_group_array(uid), json_group_array(flags), json_group_array(modseq), json_group_array(size)"  # noqa: S608
        f" FROM (SELECT uid, flags, modseq, size FROM entry {index} WHERE account = ? AND mailbox = ? AND uid > ?"
        " AND modseq > ? ORDER BY uid LIMIT ?)",
        (account, mailbox, after, since, limit + 1),
    ).fetchone()
    found = [array("Q", json.loads(text)) for text in texts]
    more = len(found[0]) > limit
    uids, flags, modseqs, sizes = [column[:limit] for column in found]
    return View(
        state=state,
        keywords=accounts.keywords(conn, account, mailbox),
        uids=uids,
        flags=flags,
        modseqs=modseqs,
        sizes=sizes,
        expunged=_expunged(conn, account, state, since) if since and not after else (),
        more=more,
    )


def _expunged(conn: sqlite3.Connection, account: int, state: Mailbox, since: int) -> list[int] | None:
    if since < state.expunged_floor:
        return None
    found = conn.execute(
        "SELECT uid FROM expunged WHERE account = ? AND mailbox = ? AND modseq > ? ORDER BY uid",
        (account, state.id, since),
    )
    return [uid for (uid,) in found]


def rows(conn: sqlite3.Connection, account: int, mailbox: int, uids: Sequence[int], want: Want) -> list[Row]:
    accounts.state(conn, account, mailbox)
    where, values = _chosen(uids)
    columns = [
        name if flag in want else empty
        for flag, name, empty in (
            (Want.ENVELOPE, "l.envelope", "x''"),
            (Want.SUMMARY, "l.summary", "x''"),
            (Want.STRUCTURE, "l.structure", "x''"),
            (Want.BODY, "(SELECT data FROM body WHERE letter = l.id)", "NULL"),
            (Want.BODY, "l.object", "''"),
        )
    ]
    found = conn.execute(
        f"SELECT e.uid, l.uuid, l.size, l.received, e.saved, l.thread, l.traceparent, {', '.join(columns)}"  # noqa: S608
        f" FROM entry e JOIN letter l ON l.id = e.letter WHERE e.account = ? AND e.mailbox = ? {where} ORDER BY e.uid",
        (account, mailbox, *values),
    )
    return [
        Row(
            uid=uid, letter_id=UUID(bytes=id_), size=size, received=received, saved=saved, thread=thread,
            traceparent=origin, envelope=envelope, summary=summary, structure=structure, body=body, object=where_,
        )
        for uid, id_, size, received, saved, thread, origin, envelope, summary, structure, body, where_ in found
    ]  # fmt: skip


def columns(conn: sqlite3.Connection, account: int, mailbox: int, uids: Sequence[int], want: Want) -> Rows:
    accounts.state(conn, account, mailbox)
    where, values = _chosen(uids)
    columns = ["e.uid", *[_PARTS[part] for part in COLUMNS if part in want]]
    cursor = conn.execute(
        f"SELECT {', '.join(columns)} FROM entry e JOIN letter l ON l.id = e.letter"  # noqa: S608
        f" WHERE e.account = ? AND e.mailbox = ? {where} ORDER BY e.uid",
        (account, mailbox, *values),
    )
    return gathered(cursor, want, lambda octets: UUID(bytes=octets))


def find(conn: sqlite3.Connection, account: int, letter: UUID) -> tuple[tuple[int, int], ...]:
    return tuple(
        conn.execute(
            "SELECT mailbox, uid FROM entry WHERE letter = (SELECT id FROM letter WHERE account = ? AND uuid = ?)"
            " ORDER BY mailbox, uid",
            (account, letter.bytes),
        )
    )


def store(
    conn: sqlite3.Connection,
    account: int,
    mailbox: int,
    uids: Sequence[int],
    how: How,
    flags: frozenset[str],
    unchanged_since: int | None,
) -> Stored:
    system, keywords = bits_of.split(flags)
    state = accounts.state(conn, account, mailbox)
    where, values = _chosen(uids)
    found = conn.execute(
        f"SELECT uid, flags, modseq FROM {_ENTRIES} {where} ORDER BY uid",  # noqa: S608
        (account, mailbox, *values),
    ).fetchall()
    meant = [row for row in found if unchanged_since is None or row[2] <= unchanged_since]
    known = accounts.keywords(conn, account, mailbox)
    if meant and keywords and how is not How.REMOVE:
        known = accounts.learn(conn, account, mailbox, known, keywords)
    bits = system | bits_of.keyword_bits(known, keywords)
    new = [(uid, old, bits_of.changed(how, old, bits), modseq) for uid, old, modseq in meant]
    modseq = _reflag(conn, account, mailbox, [(old, bits, uid) for uid, old, bits, _ in new if old != bits])
    return Stored(
        uids=[uid for uid, _, _, _ in new],
        flags=[bits for _, _, bits, _ in new],
        modseqs=[modseq if old != bits else before for _, old, bits, before in new],
        keywords=known,
        modified=[
            uid for uid, _, before in found if unchanged_since is not None and before > unchanged_since
        ],
        modseq=modseq or state.modseq,
    )


def _reflag(
    conn: sqlite3.Connection, account: int, mailbox: int, changes: Sequence[tuple[int, int, int]]
) -> int:
    """``changes``: old bits, new bits, UID. The new MODSEQ; 0 when there is nothing to change."""
    if not changes:
        return 0
    modseq, change = accounts.tick(conn, account), accounts.Change()
    for old, new, _ in changes:
        change.reflag(old, new)
    conn.executemany(
        f"UPDATE entry SET flags = ?, modseq = {modseq} WHERE account = {account} AND mailbox = {mailbox} AND uid = ?",  # noqa: S608
        [(new, uid) for _, new, uid in changes],
    )
    accounts.count(conn, account, mailbox, change, modseq)
    return modseq


def copy(
    conn: sqlite3.Connection, account: int, source: int, uids: Sequence[int], target: int, now: float
) -> tuple[list[int], list[int], int]:
    """Sources, targets, and the bytes that were added."""
    accounts.state(conn, account, source)
    there = accounts.state(conn, account, target)
    where, values = _chosen(uids)
    found = conn.execute(
        f"SELECT uid, letter, flags, size FROM {_ENTRIES} {where} ORDER BY uid",  # noqa: S608
        (account, source, *values),
    ).fetchall()
    if not found:
        return [], [], 0
    flags = _translated(conn, account, (source, target), [row[2] for row in found])
    modseq, change = accounts.tick(conn, account), accounts.Change()
    for (_, _, _, size), bits in zip(found, flags, strict=True):
        change.add(bits, size)
    targets = [*range(there.uidnext, there.uidnext + len(found))]
    conn.executemany(
        "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (account, target, uid, row[1], modseq, bits, row[3], now)
            for uid, row, bits in zip(targets, found, flags, strict=True)
        ],
    )
    accounts.count(conn, account, target, change, modseq, len(targets))
    return [row[0] for row in found], targets, change.size


def _translated(
    conn: sqlite3.Connection, account: int, way: tuple[int, int], flags: Sequence[int]
) -> list[int]:
    """By the keywords of the target, which learns those that it has not."""
    source, target = (accounts.keywords(conn, account, mailbox) for mailbox in way)
    some = 0
    for bits in flags:
        some |= bits
    target = accounts.learn(conn, account, way[1], target, bits_of.keywords_of(some, source))
    new = {bits: bits_of.translated(bits, source, target) for bits in set(flags)}
    return [new[bits] for bits in flags]


def transfer(
    conn: sqlite3.Connection,
    account: int,
    way: tuple[int, int],
    uids: Sequence[int],
    now: float,
    *,
    move: bool,
    quota: int = 0,
) -> Copied:
    """``way``: source and target. A copy that does not fit is rolled back by its exception."""
    source, target = way
    sources, targets, size = copy(conn, account, source, uids, target, now)
    if move:
        expunge(conn, account, source, sources, now, only_deleted=False)
    elif sources:
        rules.check_quota(accounts.used(conn, account) - size, size, quota)
    return Copied(
        uidvalidity=accounts.state(conn, account, target).uidvalidity,
        sources=sources,
        targets=targets,
        modseq=accounts.state(conn, account, source).modseq,
    )


def rename_inbox(conn: sqlite3.Connection, account: int, inbox: int, name: str, now: float) -> Mailbox:
    """INBOX stays, and is empty; what lies below it stays where it is (RFC 9051 6.3.6)."""
    accounts.check_new(conn, account, name, "")
    made = accounts.make(conn, account, name, "", accounts.tick(conn, account), now)
    transfer(conn, account, (inbox, made), range(1, 1 << 62), now, move=True)
    return accounts.state(conn, account, made)


def expunge(
    conn: sqlite3.Connection,
    account: int,
    mailbox: int,
    uids: Sequence[int] | None,
    now: float,
    *,
    only_deleted: bool,
) -> Expunged:
    state = accounts.state(conn, account, mailbox)
    where, values = ("", ()) if uids is None else _chosen(uids)
    gone = conn.execute(
        f"DELETE FROM {_ENTRIES} {where} {_MARKED if only_deleted else ''} RETURNING uid, letter, flags, size",  # noqa: S608
        (account, mailbox, *values),
    ).fetchall()
    if not gone:
        return Expunged(uids=[], modseq=state.modseq)
    modseq, change = accounts.tick(conn, account), accounts.Change()
    for _, _, flags, size in gone:
        change.add(flags, size, -1)
    conn.executemany(
        "INSERT INTO expunged VALUES (?, ?, ?, ?, ?)",
        [(account, mailbox, modseq, row[0], now) for row in gone],
    )
    conn.executemany("INSERT OR IGNORE INTO loose VALUES (?)", [(row[1],) for row in gone])
    accounts.count(conn, account, mailbox, change, modseq)
    return Expunged(uids=sorted(row[0] for row in gone), modseq=modseq)
