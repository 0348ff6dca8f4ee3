"""The life of one delivery as plain functions on one mutable row: what the memory and the SQLite ledger agree on.

Each function is one edge of the picture in ``yubin.queue.port``; it changes the row and its recipients and returns the
events to write with them. Fences are checked here, so that an adapter only finds rows, calls, and stores. PostgreSQL
says the same in SQL (``yubin.queue.statements``); the contract test holds all three to one text. (Longer than most
modules: the whole life is to be read in one place.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from yubin.queue import rules
from yubin.queue.port import (
    Claim,
    DeliveryView,
    EventKind,
    Letter,
    Message,
    NewDelivery,
    NewRecipient,
    Outcome,
    Pending,
    RecipientResult,
    RecipientView,
    Release,
    Reportable,
    Result,
    State,
    Terms,
    Ticket,
    Wish,
)

WAITING = frozenset((State.READY, State.DEFERRED))
PARKED = frozenset((State.HELD, State.QUARANTINED))


@dataclass(kw_only=True, slots=True)
class Row:
    """A delivery. ``alarm``: see rules.alarm. ``marked``: this attempt may have sent its dot; ``in_doubt``: an earlier one."""

    id: UUID
    message_id: UUID
    tenant: str
    domain: str
    site: str
    state: State = State.READY
    epoch: int = 0
    attempts: int = 0
    crashes: int = 0
    in_doubt: bool = False
    marked: bool = False
    wish: Wish | None = None
    due: float = 0.0
    lease_until: float | None = None
    owner: str = ""
    expires: float = 0.0
    alarm: float = 0.0
    parked: float | None = None
    ended: float | None = None

    @property
    def waiting(self) -> bool:
        """Claimable, but for ``due``."""
        return self.state in WAITING and self.wish is None


@dataclass(kw_only=True, slots=True)
class Recipient:
    n: int
    address: str
    orcpt: str | None
    notify: int
    tell: int
    outcome: Outcome = Outcome.PENDING
    code: int = 0
    enhanced: str = ""
    text: str = ""
    peer: str = ""
    tried: float | None = None
    ended: float | None = None
    owed: bool = False

    @property
    def pending(self) -> bool:
        return self.outcome is Outcome.PENDING


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """An event before it has a number. ``n`` -1: the whole delivery."""

    kind: EventKind
    n: int = -1
    code: int = 0
    enhanced: str = ""
    text: str = ""
    peer: str = ""


def born(letter: Letter, new: NewDelivery, now: float, terms: Terms) -> tuple[Row, list[Recipient]]:
    message = letter.message
    recipients = [_recipient(message.sender, n, who) for n, who in enumerate(new.recipients)]
    expires = now + rules.term(message)
    row = Row(
        id=new.id,
        message_id=message.id,
        tenant=message.tenant,
        domain=new.domain,
        site=f"~{new.domain}",
        due=now + terms.head_start if new.published else now,
        expires=expires,
        alarm=rules.alarm(now, expires, (r.tell for r in recipients), terms.delay_notice),
    )
    return row, recipients


def claim(row: Row, ticket: Ticket, *, owner: str, lease: float, now: float) -> bool:
    """The gate (DESIGN I2), but for the next due time."""
    if row.epoch != ticket.epoch or not row.waiting or row.expires <= now:
        return False
    row.state, row.epoch, row.site = State.SENDING, row.epoch + 1, ticket.site
    row.attempts += 1
    row.marked, row.owner, row.lease_until = False, owner, now + lease
    return True


def schedule(row: Row, now: float, terms: Terms, random: Callable[[], float]) -> None:
    """DESIGN I4: the next attempt is written before this one begins."""
    step = rules.backoff_step(terms.backoff, row.attempts)
    row.due = min(row.expires, now + rules.jittered(step, terms.backoff.jitter, random))


def lost(
    row: Row, recipients: Sequence[Recipient], now: float, terms: Terms, random: Callable[[], float]
) -> list[News]:
    """Its worker let the lease run out: it comes back soon, unless the letter may have been sent, or it kills workers."""
    row.crashes += 1
    row.in_doubt, row.marked = row.in_doubt or row.marked, False
    row.owner, row.lease_until = "", None
    if not any(recipient.pending for recipient in recipients):
        _done(row, now)
        return []
    if row.crashes >= terms.quarantine_after:
        row.state, row.parked = State.QUARANTINED, now
        return [News(kind=EventKind.QUARANTINED, text=f"lost its worker {row.crashes} times")]
    soon = now + rules.jittered(terms.backoff.crash, terms.backoff.jitter, random)
    row.state = State.DEFERRED
    row.due = min(row.expires, max(row.due, soon) if row.in_doubt else soon)
    return []


def ours(row: Row, epoch: int) -> bool:
    return row.state is State.SENDING and row.epoch == epoch


def finish(row: Row, recipients: Sequence[Recipient], result: Result, now: float) -> Iterator[News]:
    """What came of an attempt; a stranger's word (the lease was lost) counts only where it is a success."""
    held = ours(row, result.epoch)
    if held:
        row.site = result.site or row.site
    by_number = {recipient.n: recipient for recipient in recipients}
    for said in result.recipients:
        recipient = by_number.get(said.n)
        if recipient and recipient.pending and (held or said.outcome in rules.SUCCESSES):
            _write(recipient, said, result.peer, now)
            yield News(
                kind=rules.EVENT_OF[said.outcome], n=said.n, code=said.code, enhanced=said.enhanced, text=said.text,
                peer=result.peer,
            )  # fmt: skip
    if not any(recipient.pending for recipient in recipients):
        if held or row.state not in (State.SENDING, State.DONE):
            _done(row, now)
    elif held:
        _defer(row, result, now)
        if result.quarantine:
            row.state, row.parked = State.QUARANTINED, now
            yield News(kind=EventKind.QUARANTINED, text=rules.QUARANTINED_TEXT)


def release(row: Row, recipients: Sequence[Recipient], given: Release, now: float) -> None:
    row.attempts -= 1
    row.state = State.DEFERRED if row.attempts else State.READY
    row.site, row.due = given.site or row.site, min(row.expires, now + given.delay)
    row.marked, row.owner, row.lease_until = False, "", None
    if not any(recipient.pending for recipient in recipients):
        _done(row, now)


def ask(row: Row, wish: Wish) -> bool:
    """Note a wish; False where it changes nothing."""
    if (
        row.state is State.DONE
        or row.wish in (wish, Wish.CANCEL)
        or (wish is Wish.HOLD and row.state in PARKED)
    ):
        return False
    row.wish = wish
    return True


def honour(row: Row, recipients: Sequence[Recipient], now: float) -> list[News]:
    """Fulfil the wish of a row that is not being sent."""
    wish = row.wish
    if wish is None or row.state in (State.SENDING, State.DONE):
        return []
    row.wish = None
    if wish is Wish.HOLD:
        if row.state in PARKED:
            return []
        row.state, row.parked = State.HELD, now
        return [News(kind=EventKind.HELD)]
    said = (rules.CANCELLED_CODE, rules.CANCELLED_ENHANCED, rules.CANCELLED_TEXT)
    _done(row, now)
    return _end(recipients, Outcome.CANCELLED, lambda _: said, now)


def flush(row: Row, now: float) -> list[News] | None:
    """Due now, released if parked (the time in custody does not count); None where nothing changes."""
    if row.state is State.SENDING and row.wish is Wish.HOLD:
        row.wish = None
        return []
    if row.state in PARKED:
        away = now - (row.parked if row.parked is not None else now)
        row.expires, row.alarm, row.parked = row.expires + away, row.alarm + away, None
        row.state = State.DEFERRED if row.attempts else State.READY
        row.due, row.crashes = now, 0
        return [News(kind=EventKind.RELEASED)]
    if row.state in WAITING and row.due > now:
        row.due = now
        return []
    return None


def expire(row: Row, recipients: Sequence[Recipient], now: float) -> list[News]:
    _done(row, now)

    def said(recipient: Recipient) -> tuple[int, str, str]:
        text = rules.expired_text(recipient.code, recipient.enhanced, recipient.text)
        return rules.EXPIRED_CODE, rules.EXPIRED_ENHANCED, text

    return _end(recipients, Outcome.EXPIRED, said, now)


def reportables(
    row: Row, recipients: Sequence[Recipient], now: float
) -> Iterator[tuple[Recipient, Reportable]]:
    """Recipients about whom the sender is to be told now."""
    delayed = row.waiting and row.alarm <= now < row.expires
    for r in recipients:
        if r.owed or (delayed and r.pending and r.tell & rules.DELAY):
            yield (
                r,
                Reportable(
                    delivery_id=row.id, n=r.n, address=r.address, orcpt=r.orcpt, kind=rules.REPORT_OF[r.outcome],
                    code=r.code, enhanced=r.enhanced, text=r.text, peer=r.peer, last_attempt=r.tried,
                    will_retry_until=row.expires if r.pending else None,
                ),
            )  # fmt: skip


def claimed(
    row: Row, recipients: Sequence[Recipient], message: Message, body: bytes | None, now: float
) -> Claim:
    waiting = tuple(
        Pending(n=r.n, address=r.address, orcpt=r.orcpt, notify=rules.notify_set(r.notify))
        for r in recipients
        if r.pending
    )
    return Claim(
        delivery_id=row.id, epoch=row.epoch, message=message, body=body, domain=row.domain, site=row.site,
        attempts=row.attempts, crashes=row.crashes, in_doubt=row.in_doubt, recipients=waiting, now=now, due=row.due,
        expires=row.expires, recovered=row.crashes > 0,
    )  # fmt: skip


def view(row: Row, recipients: Sequence[Recipient], message: Message) -> DeliveryView:
    seen = tuple(
        RecipientView(
            n=r.n,
            address=r.address,
            outcome=r.outcome,
            code=r.code,
            enhanced=r.enhanced,
            text=r.text,
            ended=r.ended,
        )
        for r in recipients
    )
    return DeliveryView(
        delivery_id=row.id, message_id=row.message_id, tenant=row.tenant, sender=message.sender, size=message.size,
        created=message.created, domain=row.domain, site=row.site, state=row.state, attempts=row.attempts,
        crashes=row.crashes, in_doubt=row.in_doubt or row.marked, wish=row.wish, due=row.due, recipients=seen,
    )  # fmt: skip


def _recipient(sender: str, n: int, who: NewRecipient) -> Recipient:
    bits = rules.notify_bits(who.notify)
    return Recipient(
        n=n, address=who.address, orcpt=who.orcpt, notify=bits, tell=rules.tell_bits(sender, bits)
    )


def _write(recipient: Recipient, said: RecipientResult, peer: str, now: float) -> None:
    recipient.code, recipient.enhanced, recipient.text = said.code, said.enhanced, said.text
    recipient.peer, recipient.tried, recipient.outcome = peer, now, said.outcome
    if said.outcome is not Outcome.PENDING:
        recipient.ended = now
        recipient.owed = rules.owes(recipient.tell, said.outcome, peer)


def _defer(row: Row, result: Result, now: float) -> None:
    row.state, row.crashes = State.DEFERRED, 0
    row.in_doubt, row.marked = row.in_doubt or result.in_doubt, False
    row.owner, row.lease_until = "", None
    later = None if result.retry_after is None else now + result.retry_after
    if not result.counted:
        row.attempts -= 1
        row.due = row.due if later is None else later
    elif later is not None:
        row.due = max(row.due, later)
    row.due = min(row.due, row.expires)


def _done(row: Row, now: float) -> None:
    row.state, row.ended, row.wish, row.parked = State.DONE, now, None, None
    row.marked, row.owner, row.lease_until = False, "", None


def _end(
    recipients: Sequence[Recipient],
    outcome: Outcome,
    said: Callable[[Recipient], tuple[int, str, str]],
    now: float,
) -> list[News]:
    news = []
    for r in recipients:
        if r.pending:
            r.code, r.enhanced, r.text = said(r)
            r.outcome, r.ended, r.owed = outcome, now, rules.owes(r.tell, outcome, "")
            news.append(
                News(kind=rules.EVENT_OF[outcome], n=r.n, code=r.code, enhanced=r.enhanced, text=r.text)
            )
    return news
