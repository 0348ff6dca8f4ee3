"""How the mailboxes' values come out of PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from yubin.mailboxes import packed
from yubin.mailboxes.gathered import gathered
from yubin.mailboxes.port import (
    Copied,
    Expunged,
    Mailbox,
    Match,
    Row,
    Rows,
    Stored,
    ToIndex,
    Usage,
    View,
    Want,
)

Record = Any  # asyncpg.Record, which carries no types


def to_mailbox(row: Record) -> Mailbox:
    return Mailbox(
        id=row["id"], name=row["name"], uidvalidity=row["uidvalidity"], uidnext=row["uidnext"], modseq=row["modseq"],
        expunged_floor=row["expunged_floor"], first_recent=row["first_recent"], special_use=row["special_use"],
        subscribed=row["subscribed"], messages=row["messages"], unseen=row["unseen"], deleted=row["deleted"],
        size=row["size"],
    )  # fmt: skip


def to_view(row: Record, limit: int) -> View:
    """``row`` was asked for one entry more than ``limit``."""
    columns = [packed.sent(row[name] or b"") for name in ("uids", "flags", "modseqs", "sizes")]
    more = len(columns[0]) > limit
    if more:
        columns = [column[:limit] for column in columns]
    return View(
        state=to_mailbox(row), keywords=tuple(row["keywords"]), uids=columns[0], flags=columns[1], modseqs=columns[2],
        sizes=columns[3], expunged=row["gone"], more=more,
    )  # fmt: skip


def to_row(row: Record) -> Row:
    given: dict[str, Any] = dict(row)
    given["letter_id"] = to_uuid(given["letter_id"])
    return Row(**given)


def runs(uids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Ascending UIDs as first and last ones of runs without a gap, of which there are mostly few."""
    if not uids or uids[-1] - uids[0] == len(uids) - 1:
        return [*uids[:1]], [*uids[-1:]]
    ends = [n for n in range(1, len(uids)) if uids[n] - uids[n - 1] > 1]
    return [uids[n] for n in (0, *ends)], [uids[n - 1] for n in (*ends, len(uids))]


def to_rows(found: Sequence[Record], want: Want) -> Rows:
    """As ``sql.columns`` has them."""
    return gathered(found, want, to_uuid)


def to_stored(row: Record) -> Stored:
    return Stored(
        uids=row["uids"] or [], flags=row["flags"] or [], modseqs=row["modseqs"] or [],
        keywords=tuple(row["keywords"]), modified=row["modified"] or [], modseq=row["modseq"],
    )  # fmt: skip


def to_copied(row: Record) -> Copied:
    sources: Sequence[int] = row["sources"] or []
    first = row["first_uid"]
    return Copied(
        uidvalidity=row["uidvalidity"], sources=sources, targets=range(first, first + len(sources)),
        modseq=row["modseq"],
    )  # fmt: skip


def to_expunged(row: Record) -> Expunged:
    return Expunged(uids=row["uids"] or [], modseq=row["modseq"])


def to_match(row: Record) -> Match:
    return Match(uids=row["uids"], unknown=row["unknown"])


def to_index(row: Record) -> ToIndex:
    return ToIndex(
        account=row["account_id"], letter_id=to_uuid(row["id"]), body=row["data"], object=row["object"]
    )


def to_usage(row: Record) -> Usage:
    return Usage(used=row["used"], messages=row["messages"], mailboxes=row["mailboxes"])


def to_uuid(value: UUID) -> UUID:
    """The standard library's, of asyncpg's own."""
    return UUID(int=value.int)
