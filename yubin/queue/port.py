"""The ledger: the truth about every letter that was accepted and has not yet ended everywhere.

Every time is Unix seconds by the *ledger's* clock (the database's), never the caller's: callers pass durations, and
read ``now`` from what comes back. Operations take batches; ``yubin.queue.group`` makes the groups. Each batch is one
transaction unless its docstring says otherwise. A failed transaction raises ``Unavailable``; when the outcome of a
COMMIT is unknown it raises ``OutcomeUnknown`` and the caller looks its ids up (``known``).

The life of a delivery:

    ready ──claim──▶ sending ──finish──▶ done
      ▲                │  ▲ lease ran out: crashes + 1, claimable again
      │                ▼  │
      └── flush ── deferred        held / quarantined: until released

and of a recipient: pending ──▶ delivered | bounced | expired | cancelled | quarantined, once, for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from yubin.errors import Unavailable

RECIPIENTS_PER_DELIVERY = 50  # the unit of claiming (CASES B19)
ROW_LIMIT = 64 * 1024  # a body up to this many bytes lies in the row; a larger one in the object store


def body_name(message_id: UUID) -> str:
    """Where a large body lies in the object store; mailboxes keep theirs apart, and each sweeps its own."""
    return f"queue/{message_id}"


class OutcomeUnknown(Unavailable):
    """The connection went while COMMIT was under way: it may have happened."""


class Origin(StrEnum):
    SUBMISSION = "submission"
    API = "api"
    DSN = "dsn"
    MX = "mx"


class State(StrEnum):
    """Of a delivery."""

    READY = "ready"
    DEFERRED = "deferred"
    SENDING = "sending"
    HELD = "held"
    QUARANTINED = "quarantined"
    DONE = "done"


class Outcome(StrEnum):
    """Of a recipient. Everything but PENDING is final (DESIGN I5)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    RELAYED = (
        "relayed"  # delivered, to a server that does not announce DSN (RFC 3461 5.2.2); final like DELIVERED
    )
    BOUNCED = "bounced"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"


class Wish(StrEnum):
    """What somebody asked for while the row was being sent; honoured when the attempt ends without success."""

    CANCEL = "cancel"
    HOLD = "hold"


class EventKind(StrEnum):
    ACCEPTED = "accepted"
    ATTEMPT = "attempt"  # claimed: an attempt begins
    DELIVERED = "delivered"
    RELAYED = "relayed"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"
    HELD = "held"
    RELEASED = "released"
    REPORTED = "reported"  # a DSN about this recipient was made; text is the DSN's tracking number


@dataclass(frozen=True, kw_only=True)
class Message:
    """``sender`` is "" for the null reverse-path. ``size`` in bytes, ``sha256`` of the body as stored."""

    id: UUID
    tenant: str
    account: str | None
    origin: Origin
    sender: str
    size: int
    sha256: bytes
    body_type: str = "7BIT"  # 7BIT | 8BITMIME
    utf8: bool = False  # SMTPUTF8 was asked for (RFC 6531)
    requiretls: bool = False
    envid: str | None = None  # decoded xtext (RFC 3461 4.4)
    ret: str | None = None  # FULL | HDRS
    klass: str = "interactive"  # interactive | dsn | bulk | inbound | inbound-junk
    created: float = 0.0  # written by the ledger
    expires_in: float = 5 * 86400.0  # seconds after created; 2 days for the null sender; inbound never
    traceparent: str = ""


@dataclass(frozen=True, kw_only=True)
class NewRecipient:
    address: str
    orcpt: str | None = None  # "rfc822;a@b" with the xtext decoded
    notify: frozenset[str] = frozenset()  # of NEVER SUCCESS FAILURE DELAY; empty: the default


@dataclass(frozen=True, kw_only=True)
class NewDelivery:
    """Up to RECIPIENTS_PER_DELIVERY recipients of one domain. ``published`` gives it the fresh lane's head start."""

    id: UUID
    domain: str
    recipients: tuple[NewRecipient, ...]
    published: bool = False


@dataclass(frozen=True, kw_only=True)
class Letter:
    """``body`` is None when the object store holds it under ``body_name``."""

    message: Message
    body: bytes | None
    deliveries: tuple[NewDelivery, ...]


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A wish to claim one row: refused unless its epoch still holds. ``site`` is the true one, written by the claim."""

    delivery_id: UUID
    epoch: int
    site: str


@dataclass(frozen=True, kw_only=True)
class Pending:
    n: int
    address: str
    orcpt: str | None
    notify: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A row that is ours until ``lease`` seconds after the request was sent. ``recipients`` are those still pending.

    ``due`` is when the next attempt will be, already written (DESIGN I4). ``recovered`` says that the row lost its
    worker; ``crashes`` counts how often.
    """

    delivery_id: UUID
    epoch: int
    message: Message
    body: bytes | None
    domain: str
    site: str
    attempts: int
    crashes: int
    in_doubt: bool
    recipients: tuple[Pending, ...]
    now: float
    due: float
    expires: float
    recovered: bool = False


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Names a claim that we have: what fences every later write."""

    delivery_id: UUID
    epoch: int


@dataclass(frozen=True, kw_only=True)
class RecipientResult:
    """``outcome`` PENDING means: deferred, with this code and text. ``text`` is the peer's reply, one line."""

    n: int
    outcome: Outcome
    code: int
    enhanced: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """How an attempt ended. ``counted`` is False for trouble of our own, which costs no attempt.

    ``retry_after``: if given and counted, the next attempt is no sooner than this many seconds from now; if not
    counted, exactly then. ``peer`` is ``host[address]:port`` or "". ``site`` is written where it differs.
    ``quarantine``: whoever is still pending waits for the operator, who may release or cancel the row.
    """

    delivery_id: UUID
    epoch: int
    site: str
    recipients: tuple[RecipientResult, ...]
    peer: str = ""
    counted: bool = True
    retry_after: float | None = None
    in_doubt: bool = False  # the final dot was sent and its reply never came
    quarantine: bool = False


@dataclass(frozen=True, kw_only=True)
class Finished:
    """``held`` is False when the lease was no longer ours (late deliveries were written all the same).

    ``report`` says that somebody is owed a DSN about this message now.
    """

    delivery_id: UUID
    held: bool
    report: bool


@dataclass(frozen=True, kw_only=True)
class Release:
    """Give a claim back unattempted; attempts and due return to what they were but for ``delay`` seconds."""

    delivery_id: UUID
    epoch: int
    site: str
    delay: float


class ReportKind(StrEnum):
    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"


@dataclass(frozen=True, kw_only=True)
class Reportable:
    """A recipient about whom the sender is to be told (RFC 3464 2.3)."""

    delivery_id: UUID
    n: int
    address: str
    orcpt: str | None
    kind: ReportKind
    code: int
    enhanced: str
    text: str
    peer: str
    last_attempt: float | None
    will_retry_until: float | None  # for DELAYED


Compose = Callable[[Message, Sequence[Reportable]], Letter | None]
"""Makes the DSN letter inside the transaction, or None when nobody is to be told; must not wait."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """``seq`` orders events of one message; ``n`` is -1 for an event of the whole delivery or message."""

    seq: int
    message_id: UUID
    delivery_id: UUID | None
    n: int
    at: float
    kind: EventKind
    code: int
    enhanced: str
    text: str
    peer: str
    tenant: str = ""
    recipient: str = ""


@dataclass(frozen=True, kw_only=True)
class RecipientView:
    n: int
    address: str
    outcome: Outcome
    code: int
    enhanced: str
    text: str
    ended: float | None


@dataclass(frozen=True, kw_only=True)
class DeliveryView:
    delivery_id: UUID
    message_id: UUID
    tenant: str
    sender: str
    size: int
    created: float
    domain: str
    site: str
    state: State
    attempts: int
    crashes: int
    in_doubt: bool
    wish: Wish | None
    due: float
    recipients: tuple[RecipientView, ...]


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """All that the ledger knows of one letter."""

    message: Message
    deliveries: tuple[DeliveryView, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Rows not yet done; every given field must match."""

    tenant: str | None = None
    message_id: UUID | None = None
    domain: str | None = None
    site: str | None = None
    state: State | None = None
    sender: str | None = None


@dataclass(frozen=True, kw_only=True)
class Depth:
    """For metrics: rows by state, ages in seconds."""

    rows: Mapping[State, int]
    oldest_due: float  # how long the oldest claimable row has been due
    unrelayed_events: int
    in_doubt: int


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Seconds until the next attempt after the 1st, 2nd, … attempt; the last step repeats."""

    steps: tuple[float, ...] = (300, 600, 1200, 2400, 4800, 9600, 14400)
    jitter: float = 0.2  # ± share
    crash: float = 30.0  # a row that lost its worker comes back after this, with jitter


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The ledger's fixed numbers, given at construction; seconds."""

    backoff: Backoff = field(default_factory=Backoff)
    head_start: float = 30.0  # how long a published row belongs to the fresh lane
    delay_notice: float = 4 * 3600.0
    keep_events: float = 7 * 86400.0
    quarantine_after: int = 3  # crashes


class Ledger(Protocol):
    """See the module's docstring. All batches keep the order of their argument in what they return."""

    async def accept(self, letters: Sequence[Letter]) -> None:
        """Write letters, all of them or none. A letter whose id is there already is left as it is (a retry)."""

    async def known(self, message_ids: Sequence[UUID]) -> set[UUID]:
        """Which of these were accepted."""

    async def claim(self, tickets: Sequence[Ticket], *, owner: str, lease: float) -> list[Claim | None]:
        """The gate (DESIGN I2) for the fresh lane: ignores ``due``; None where refused. Writes attempt and due (I4).

        Refused: another epoch, or a state other than ready or deferred (a row whose lease ran out is the ledger
        inlet's business).
        """

    async def due_sites(self, limit: int) -> list[str]:
        """Sites that have claimable rows with due ≤ now, or rows whose lease ran out; bounded cost."""

    async def claim_due(self, rooms: Mapping[str, int], *, owner: str, lease: float) -> list[Claim]:
        """The gate for the ledger inlet: up to ``rooms[site]`` rows for each site, oldest due first, tenants in turn.

        Skips rows locked by another. A row whose lease ran out counts a crash (see ``Terms.quarantine_after``).
        """

    async def renew(self, holds: Sequence[Hold], *, lease: float) -> list[bool]:
        """Extend leases that have not run out; False where the row is no longer ours."""

    async def mark_in_doubt(self, holds: Sequence[Hold]) -> list[bool]:
        """Before the final dot (DESIGN I5): True where the row is still ours and its lease has not run out."""

    async def finish(self, results: Sequence[Result]) -> list[Finished]:
        """Write what came of attempts. A late success is written whatever the epoch, unless the recipient has ended."""

    async def release(self, releases: Sequence[Release]) -> list[bool]:
        """Give claims back, unattempted."""

    async def reroute(self, tickets: Sequence[Ticket], *, delay: float) -> list[bool]:
        """Write the true site of rows that were not claimed, due in ``delay`` seconds; False where fenced off."""

    async def expire(self, limit: int) -> list[UUID]:
        """End recipients of ready or deferred rows past their time (5.4.7); the ids of messages that are owed a DSN."""

    async def reports_due(self, limit: int) -> list[UUID]:
        """Messages with ended recipients not yet reported, or waiting longer than ``Terms.delay_notice``."""

    async def report(self, message_id: UUID, compose: Compose) -> UUID | None:
        """One transaction: lock the message, gather, compose, accept the DSN, set reported. The DSN's id, if any."""

    async def message(self, message_id: UUID) -> Message | None: ...

    async def body(self, message_id: UUID) -> bytes | None:
        """The body in the row; None when there is none (object store, or done and dropped)."""

    async def track(self, message_id: UUID) -> Tracking | None: ...

    async def wish(self, selection: Selection, wish: Wish) -> int:
        """Cancel or hold at once what waits, and mark what is being sent; the number of rows touched."""

    async def flush(self, selection: Selection) -> int:
        """Make waiting rows due now; held and quarantined ones are released. The number of rows touched."""

    async def unrelayed(self, limit: int) -> list[Event]:
        """The outbox's oldest events that are not yet marked as relayed."""

    async def relayed(self, seqs: Sequence[int]) -> None: ...

    async def depth(self) -> Depth: ...

    async def sweep(self, limit: int) -> list[UUID]:
        """Forget messages that ended longer than ``keep_events`` ago, and drop bodies of ended ones.

        Returns ids whose object, if any, may be deleted.
        """

    async def ping(self) -> None:
        """Raises Unavailable when the database cannot be used."""

    async def close(self) -> None: ...

    async def list(
        self, selection: Selection, *, limit: int, after: UUID | None = None
    ) -> list[DeliveryView]:
        """Rows by id, from the one behind ``after``. The last method, since its name hides the type."""
