"""The mailboxes: what is kept for each account, and the one order in which it changes.

``Mailboxes`` is the store below the mailbox pod. Every call names an account, every key begins with it; one account
never sees another's. An account comes into being when it is first named, with the mailboxes of ``FIRST``. Each method is
one transaction and durable on return. Readers may be anywhere; writers lock in one order: the account's row, mailbox
rows by id, entries. So UIDs of a mailbox are given out and seen in ascending order, never twice, and every change has a
MODSEQ above that of all changes committed before it (RFC 7162 3.1). Nobody sees UID n+1 before n is committed.

A *letter* is what was delivered: bytes that never change, and what the scanner made of them. An *entry* is its place in
a mailbox: a UID, flags, a MODSEQ. COPY and MOVE touch entries only; a letter without entries is swept. Bytes up to
``ROW_LIMIT`` lie in the row; others in the object store, under a name that several accounts may share.

Times are Unix seconds by the database's clock. Trouble raises Unavailable; when the outcome of a COMMIT is unknown it
raises yubin.database.failures.CommitUnknown, and what is idempotent may be said again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from itertools import repeat
from typing import Any, Protocol, Self
from uuid import UUID

from yubin.errors import Failure

ROW_LIMIT = 64 * 1024  # bytes; a larger letter lies in the object store
ROWS_LIMIT = 512 * 1024  # bytes of parsed values that ``columns`` gives at once
KEYWORDS = 58  # in one mailbox: 63 bits less the five system flags
MAILBOXES = 10_000  # in one account
DELIVERED_KEPT = 7 * 86400.0  # seconds that a delivery id is remembered
EXPUNGED_KEPT = 30 * 86400.0  # seconds that an expunged UID is remembered for QRESYNC

INBOX = "INBOX"
JUNK = "\\Junk"
# name and special use (RFC 6154 2) of the mailboxes that an account begins with; ids 1, 2, … in this order
FIRST = (
    (INBOX, ""),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Junk", JUNK),
    ("Trash", "\\Trash"),
    ("Archive", "\\Archive"),
)


class SystemFlag(int, Enum):
    """RFC 9051 2.3.2, and the bit that each has; keywords have the bits from 32 (1 << 5) up, by mailbox."""

    SEEN = 1
    ANSWERED = 2
    FLAGGED = 4
    DELETED = 8
    DRAFT = 16


SYSTEM_FLAGS: Mapping[str, int] = {
    "\\Seen": 1,
    "\\Answered": 2,
    "\\Flagged": 4,
    "\\Deleted": 8,
    "\\Draft": 16,
}
FIRST_KEYWORD = 5  # the bit number of a mailbox' first keyword


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What the scanner made of a letter (yubin.mailboxes.reading); the store only keeps it.

    ``envelope`` is the IMAP ENVELOPE as it is sent, ``structure`` and ``summary`` are packed values. ``thread`` names
    the conversation (RFC 8474 5.2), at most 40 ASCII characters.
    """

    envelope: bytes
    structure: bytes
    summary: bytes
    thread: str


@dataclass(frozen=True, kw_only=True)
class NewLetter:
    """A letter for one account. The same ``letter_id`` may go to several accounts, never twice to one.

    ``delivery_id`` makes it idempotent: of two with the same one, to the same account, the second changes nothing and
    gets the first one's place, also after the reader expunged it, for ``DELIVERED_KEPT``.
    The place is the mailbox ``mailbox_id``, or, where that is None, the one with ``special_use``, or INBOX. A special
    use that no mailbox has goes to INBOX. ``quota``: refused (Exhausted 452 4.2.2) where it would not fit; 0: it is
    taken (a delivery may overshoot). ``body`` is None when ``object`` names where the bytes are.
    """

    account: str
    delivery_id: UUID
    letter_id: UUID
    body: bytes | None
    object: str = ""
    size: int
    sha256: bytes
    received: float | None = None  # INTERNALDATE; None: now
    flags: frozenset[str] = frozenset()
    mailbox_id: int | None = None
    special_use: str = ""
    quota: int = 0
    parsed: Parsed
    traceparent: str = ""  # of the trace in which it came; "" where that is not followed


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Where it lies. ``fresh`` is False when it had been delivered before."""

    mailbox_id: int
    uidvalidity: int
    uid: int
    modseq: int
    fresh: bool = True


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """``id`` is never used again in its account; nor is (name, uidvalidity). ``deleted`` counts entries that wait for EXPUNGE.

    ``modseq`` is HIGHESTMODSEQ; changes up to ``expunged_floor`` may be missing from the list of expunged UIDs.
    UIDs from ``first_recent`` are recent for the next session that selects it for writing.
    """

    id: int
    name: str
    uidvalidity: int
    uidnext: int
    modseq: int
    expunged_floor: int
    first_recent: int
    special_use: str
    subscribed: bool
    messages: int
    unseen: int
    deleted: int
    size: int  # bytes of all entries


@dataclass(frozen=True, kw_only=True)
class View:
    """One page of a mailbox, as columns in the order of UIDs; ``state`` was read before them (or with them).

    The stores and the client of the mailbox pod give the columns as ``array('Q')`` (yubin.mailboxes.packed).
    ``flags`` are bit sets, ``keywords`` says what the bits from FIRST_KEYWORD mean. ``expunged``: UIDs that went after
    ``since`` (all of them, on the first page only), None when that is no longer known (``since`` < expunged_floor);
    none at all where ``since`` is 0, which asks for everything there is.
    ``more`` says that there are entries behind the last one.
    """

    state: Mailbox
    keywords: tuple[str, ...]
    uids: Sequence[int]
    flags: Sequence[int]
    modseqs: Sequence[int]
    sizes: Sequence[int]
    expunged: Sequence[int] | None = ()
    more: bool = False


class Want(Flag):
    """What of a letter is asked for, beyond its UID. ``Mailboxes.rows`` gives what ROW has in any case."""

    NOTHING = 0
    ENVELOPE = auto()
    STRUCTURE = auto()
    SUMMARY = auto()
    BODY = auto()
    LETTER_ID = auto()
    SIZE = auto()
    RECEIVED = auto()
    SAVED = auto()
    THREAD = auto()
    OBJECT = auto()  # where the body lies when it is not in the row
    ORIGIN = auto()  # the traceparent
    ROW = LETTER_ID | SIZE | RECEIVED | SAVED | THREAD
    PARSED = ENVELOPE | STRUCTURE | SUMMARY


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry's letter. What was not asked for is empty; ``body`` is None when ``object`` names where it lies."""

    uid: int
    letter_id: UUID
    size: int
    received: float
    saved: float  # when it came into this mailbox (RFC 8514)
    thread: str
    traceparent: str = ""
    envelope: bytes = b""
    structure: bytes = b""
    summary: bytes = b""
    body: bytes | None = None
    object: str = ""


COLUMNS: Mapping[Want, tuple[str, str]] = {
    Want.LETTER_ID: ("letter_ids", "letter_id"),
    Want.SIZE: ("sizes", "size"),
    Want.RECEIVED: ("received", "received"),
    Want.SAVED: ("saved", "saved"),
    Want.THREAD: ("threads", "thread"),
    Want.ENVELOPE: ("envelopes", "envelope"),
    Want.STRUCTURE: ("structures", "structure"),
    Want.SUMMARY: ("summaries", "summary"),
    Want.BODY: ("bodies", "body"),
    Want.OBJECT: ("objects", "object"),
    Want.ORIGIN: ("origins", "traceparent"),
}  # what each is called in ``Rows`` and in ``Row``
_NOTHING: Mapping[str, Any] = {
    "letter_id": UUID(int=0), "size": 0, "received": 0.0, "saved": 0.0, "thread": "", "envelope": b"",
    "structure": b"", "summary": b"", "body": None, "object": "", "traceparent": "",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Several entries' letters, as columns in the order of UIDs: most callers want little of each, and of many.

    A column that was not asked for is empty. ``more``: there may be more of what was asked for behind these.
    """

    uids: Sequence[int]
    letter_ids: Sequence[UUID] = ()
    sizes: Sequence[int] = ()
    received: Sequence[float] = ()
    saved: Sequence[float] = ()
    threads: Sequence[str] = ()
    envelopes: Sequence[bytes] = ()
    structures: Sequence[bytes] = ()
    summaries: Sequence[bytes] = ()
    bodies: Sequence[bytes | None] = ()
    objects: Sequence[str] = ()
    origins: Sequence[str] = ()
    more: bool = False

    @classmethod
    def of(cls, rows: Sequence[Row], want: Want, *, more: bool = False) -> Self:
        """What is wanted of each."""
        given: dict[str, Any] = {
            many: tuple([getattr(row, one) for row in rows])
            for part, (many, one) in COLUMNS.items()
            if part in want
        }
        return cls(uids=tuple([row.uid for row in rows]), more=more, **given)

    def __iter__(self) -> Iterator[Row]:
        """One by one; what was not asked for is empty, or 0."""
        columns = [getattr(self, many) or repeat(_NOTHING[one]) for many, one in COLUMNS.values()]
        names = [one for _, one in COLUMNS.values()]
        for uid, *values in zip(self.uids, *columns):  # noqa: B905
            yield Row(uid=uid, **dict(zip(names, values, strict=True)))

    def chosen(self, places: Sequence[int], want: Want) -> Rows:
        """Of some of them, by their places, what is wanted."""
        columns = {many: getattr(self, many) for part, (many, _) in COLUMNS.items() if part in want}
        given: dict[str, Any] = {many: tuple([column[n] for n in places]) for many, column in columns.items()}
        return Rows(uids=tuple([self.uids[n] for n in places]), **given)


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Some letters, whole, and what else was wanted of each."""

    rows: Rows
    bodies: Sequence[bytes]


class How(Enum):
    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """``uids``, ``flags`` (bit sets) and ``modseqs`` of entries that were changed or were so already.

    ``modified`` are UIDs left alone because they changed after ``unchanged_since`` (RFC 7162 3.1.3).
    """

    uids: Sequence[int]
    flags: Sequence[int]
    modseqs: Sequence[int]
    keywords: tuple[str, ...]
    modified: Sequence[int] = ()
    modseq: int


@dataclass(frozen=True, kw_only=True)
class Copied:
    """``sources[i]`` became ``targets[i]``, both ascending (RFC 4315 3). ``modseq`` is the source's, for MOVE."""

    uidvalidity: int
    sources: Sequence[int]
    targets: Sequence[int]
    modseq: int


@dataclass(frozen=True, kw_only=True)
class Expunged:
    uids: Sequence[int]
    modseq: int


class Where(Enum):
    ANY = "any"
    HEADER = "header"
    BODY = "body"


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word that must occur, or, with ``prefix``, the beginning of one."""

    text: str
    prefix: bool = False
    where: Where = Where.ANY


@dataclass(frozen=True, kw_only=True)
class Match:
    """``uids`` have all the words; ``unknown`` are not indexed yet and have to be looked at."""

    uids: Sequence[int]
    unknown: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class ToIndex:
    account: str
    letter_id: UUID
    body: bytes | None
    object: str


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """The words of a letter, from yubin.mail.words; no space, no control character, at most 64 characters each."""

    account: str
    letter_id: UUID
    header: frozenset[str]
    body: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """``used``: bytes of all entries, which is what a quota limits (RFC 9208 STORAGE)."""

    used: int = 0
    messages: int = 0
    mailboxes: int = field(default=len(FIRST))


class Mailboxes(Protocol):
    # ── letters in ──

    async def deliver(self, letters: Sequence[NewLetter]) -> Sequence[Delivered | Failure]:
        """One transaction for all; an answer for each: NotFound (the mailbox), Exhausted (452 4.2.2 quota; keywords)."""

    # ── mailboxes ──

    async def mailboxes(self, account: str) -> tuple[Mailbox, ...]:
        """All, by name."""

    async def mailbox(self, account: str, mailbox_id: int) -> Mailbox:
        """Raises NotFound, as every method that names a mailbox."""

    async def select(self, account: str, mailbox_id: int) -> Mailbox:
        """The same, and what is recent in it is so for nobody else (``first_recent`` was read before)."""

    async def create(self, account: str, name: str, special_use: str = "") -> Mailbox:
        """``name`` is canonical (yubin.mailboxes.names). Raises Exists (name or use is taken), Exhausted (MAILBOXES)."""

    async def rename(self, account: str, mailbox_id: int, name: str) -> Mailbox:
        """With everything below it (``name/…``). Of INBOX: its entries move to a new mailbox (RFC 9051 6.3.6).

        Raises Exists when the new name, or that of a mailbox below it, is taken; Invalid when it lies below itself.
        """

    async def delete(self, account: str, mailbox_id: int) -> None:
        """With its entries; what lies below it stays. Raises Invalid for INBOX."""

    async def subscribe(self, account: str, name: str, on: bool) -> None:
        """A name may be subscribed to that no mailbox has."""

    async def subscriptions(self, account: str) -> tuple[str, ...]: ...

    # ── reading ──

    async def view(
        self, account: str, mailbox_id: int, *, since: int = 0, after: int = 0, limit: int = 5000
    ) -> View:
        """Entries with UID > ``after`` and MODSEQ > ``since``, at most ``limit``."""

    async def rows(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Sequence[Row]:
        """By UID; those that are gone are left out. The caller asks for as many as it has room for."""

    async def columns(self, account: str, mailbox_id: int, uids: Sequence[int], want: Want) -> Rows:
        """The same, with nothing that is not wanted.

        Ends before the row with which parsed values would pass ``ROWS_LIMIT``, unless it is the first one. Of bodies the
        caller asks for as many as it has room for.
        """

    async def find(self, account: str, letter_id: UUID) -> tuple[tuple[int, int], ...]:
        """(mailbox id, uid) of each entry of a letter."""

    async def modseqs(self, pairs: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], tuple[int, int]]:
        """(account, mailbox id) → (HIGHESTMODSEQ, UIDNEXT); those that are gone are left out. At most 10,000."""

    async def usage(self, accounts: Sequence[str]) -> Mapping[str, Usage]:
        """Of each; an account that never had a letter has none."""

    # ── changing ──

    async def store(
        self,
        account: str,
        mailbox_id: int,
        uids: Sequence[int],
        how: How,
        flags: frozenset[str],
        *,
        unchanged_since: int | None = None,
    ) -> Stored:
        """Flags by name; the flag Recent is nobody's to set (Invalid). A change that changes nothing leaves the MODSEQ alone.

        Raises Exhausted when the mailbox has too many keywords; nothing is changed then.
        """

    async def copy(
        self, account: str, source_id: int, uids: Sequence[int], target_id: int, *, move: bool, quota: int = 0
    ) -> Copied:
        """All or none. Flags go along, keywords by name. ``move`` expunges the sources in the same transaction.

        UIDs that do not exist are left out. Raises Exhausted (452 4.2.2) when a copy would not fit the ``quota``.
        """

    async def expunge(
        self, account: str, mailbox_id: int, uids: Sequence[int] | None, *, only_deleted: bool = True
    ) -> Expunged:
        """``uids`` None: all. ``only_deleted``: of them those that are marked as deleted."""

    async def forget(self, account: str) -> None:
        """The account and all that is in it."""

    # ── leases ──

    async def lease(self, account: str, name: str, owner: str, seconds: float, *, most: int = 1) -> bool:
        """At most ``most`` owners hold ``name`` at a time, each until ``seconds`` after its last call; False when full."""

    async def release(self, account: str, name: str, owner: str) -> None: ...

    # ── the index ──

    async def to_index(self, limit: int, seconds: float) -> Sequence[ToIndex]:
        """Letters that are not indexed yet, the oldest first; they are not given out again for ``seconds``."""

    async def index(self, letters: Sequence[Indexed]) -> None:
        """Writes their words, in place of earlier ones; letters that are gone are left out."""

    async def match(self, account: str, mailbox_id: int, words: Sequence[Word]) -> Match:
        """Entries whose letter has all of ``words`` (none: all that are indexed)."""

    # ── upkeep ──

    async def sweep(self, limit: int) -> Sequence[str]:
        """Forgets letters without entries, old delivery ids, old expunged UIDs (raising the floor), ended leases.

        At most about ``limit`` rows of each. Returns names of objects that no letter of any account has any more.
        """

    async def objects_known(self, names: Sequence[str]) -> set[str]:
        """Those that some letter has."""

    async def backlog(self) -> int:
        """Letters that are not indexed."""

    async def ping(self) -> None:
        """Raises Unavailable when the database cannot be used."""

    async def close(self) -> None: ...
