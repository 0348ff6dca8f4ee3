"""The ledger in dictionaries: the fake that tests and ``memory:`` use, and the model that the real ones are held to.

Rows live by the rules of ``yubin.queue.life``; nothing here awaits, so that each call is one transaction. Every
question is answered by looking at everything: it is for hundreds of letters, not for millions. (Longer than most modules:
it is the whole port in one class, each method a few lines.)
"""

from __future__ import annotations

import random as chance
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from yubin.errors import Unavailable
from yubin.ids import number
from yubin.queue import life, rules
from yubin.queue.life import News, Recipient, Row
from yubin.queue.port import (
    Claim,
    Compose,
    DeliveryView,
    Depth,
    Event,
    EventKind,
    Finished,
    Hold,
    Letter,
    Message,
    Release,
    Reportable,
    Result,
    Selection,
    State,
    Terms,
    Ticket,
    Tracking,
    Wish,
)


@dataclass(kw_only=True)
class _Mail:
    message: Message
    body: bytes | None
    elsewhere: bool  # the body is in the object store
    deliveries: dict[UUID, tuple[Row, list[Recipient]]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    @property
    def ended(self) -> float | None:
        """When its last recipient ended; None while one is pending, or owed a report."""
        rows = [row for row, _ in self.deliveries.values()]
        if any(row.ended is None for row in rows) or any(
            r.owed for _, rs in self.deliveries.values() for r in rs
        ):
            return None
        return max((row.ended for row in rows if row.ended is not None), default=self.message.created)


class MemoryLedger:
    """``clock`` gives Unix seconds, ``random`` a number in [0, 1)."""

    def __init__(
        self,
        terms: Terms = Terms(),  # noqa: B008 - frozen
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._terms, self._clock, self._random = terms, clock, random
        self._mail: dict[UUID, _Mail] = {}
        self._where: dict[UUID, _Mail] = {}  # by delivery
        self._unrelayed: dict[int, Event] = {}
        self._seq = 0
        self._turns = rules.Turns()
        self._closed = False

    async def accept(self, letters: Sequence[Letter]) -> None:
        now = self._now()
        fresh = [letter for letter in rules.distinct(letters) if letter.message.id not in self._mail]
        ids = [new.id for letter in fresh for new in letter.deliveries]
        if len(set(ids)) < len(ids) or any(id_ in self._where for id_ in ids):
            raise ValueError("a delivery id is taken")
        for letter in fresh:
            self._accept(letter, now)

    async def known(self, message_ids: Sequence[UUID]) -> set[UUID]:
        self._now()
        return {id_ for id_ in message_ids if id_ in self._mail}

    async def claim(self, tickets: Sequence[Ticket], *, owner: str, lease: float) -> list[Claim | None]:
        now = self._now()
        return [self._claim(ticket, owner, lease, now) for ticket in tickets]

    async def due_sites(self, limit: int) -> list[str]:
        now = self._now()
        sites = {row.site for row, _ in self._rows() if _is_lost(row, now) or _is_due(row, now)}
        return sorted(sites)[:limit]

    async def claim_due(self, rooms: Mapping[str, int], *, owner: str, lease: float) -> list[Claim]:
        now = self._now()
        self._take_back(rooms, now)
        claims = []
        for site, room in rooms.items():
            waiting: dict[str, list[Row]] = {}
            for row in sorted(
                (r for r, _ in self._rows() if r.site == site and _is_due(r, now)), key=_by_due
            ):
                waiting.setdefault(row.tenant, []).append(row)
            for row in rules.take_turns(waiting, self._turns.after(site), room):
                ticket = Ticket(delivery_id=row.id, epoch=row.epoch, site=site)
                claims.append(self._claim(ticket, owner, lease, now))
                self._turns.served(site, row.tenant)
        return [claim for claim in claims if claim]

    async def renew(self, holds: Sequence[Hold], *, lease: float) -> list[bool]:
        now = self._now()
        return [self._hold(hold, now, lease_until=now + lease) for hold in holds]

    async def mark_in_doubt(self, holds: Sequence[Hold]) -> list[bool]:
        now = self._now()
        return [self._hold(hold, now, marked=True) for hold in holds]

    async def finish(self, results: Sequence[Result]) -> list[Finished]:
        now = self._now()
        return [self._finish(result, now) for result in results]

    async def release(self, releases: Sequence[Release]) -> list[bool]:
        now = self._now()
        return [self._release(given, now) for given in releases]

    async def reroute(self, tickets: Sequence[Ticket], *, delay: float) -> list[bool]:
        now = self._now()
        answers = []
        for ticket in tickets:
            row = self._find(ticket.delivery_id)[0]
            answers.append(bool(row and row.epoch == ticket.epoch and row.waiting))
            if row and answers[-1]:
                row.site, row.due = ticket.site, min(row.expires, now + delay)
        return answers

    async def expire(self, limit: int) -> list[UUID]:
        now = self._now()
        old = [(row, rs) for row, rs in self._rows() if row.waiting and row.expires <= now]
        owed: dict[UUID, None] = {}
        for row, recipients in sorted(old, key=lambda pair: pair[0].expires)[:limit]:
            self._tell(row, life.expire(row, recipients, now), now)
            if any(r.owed for r in recipients):
                owed[row.message_id] = None
        return list(owed)

    async def reports_due(self, limit: int) -> list[UUID]:
        now = self._now()
        return [id_ for id_ in self._mail if self._reportables(id_, now)][:limit]

    async def report(self, message_id: UUID, compose: Compose) -> UUID | None:
        now = self._now()
        told = self._reportables(message_id, now)
        if not told:
            return None
        dsn = compose(self._mail[message_id].message, [said for _, _, said in told])
        if dsn:
            self._accept(dsn, now)
        for row, recipient, _ in told:
            recipient.owed = False
            if recipient.pending:
                row.alarm = row.expires
            if dsn:
                self._tell(
                    row, [News(kind=EventKind.REPORTED, n=recipient.n, text=number(dsn.message.id))], now
                )
        return dsn.message.id if dsn else None

    async def message(self, message_id: UUID) -> Message | None:
        self._now()
        mail = self._mail.get(message_id)
        return mail.message if mail else None

    async def body(self, message_id: UUID) -> bytes | None:
        self._now()
        mail = self._mail.get(message_id)
        return mail.body if mail else None

    async def track(self, message_id: UUID) -> Tracking | None:
        self._now()
        mail = self._mail.get(message_id)
        if not mail:
            return None
        views = tuple(life.view(row, rs, mail.message) for _, (row, rs) in sorted(mail.deliveries.items()))
        return Tracking(message=mail.message, deliveries=views, events=tuple(mail.events))

    async def wish(self, selection: Selection, wish: Wish) -> int:
        now = self._now()
        touched = [pair for pair in self._select(selection) if life.ask(pair[0], wish)]
        for row, recipients in touched:
            self._tell(row, life.honour(row, recipients, now), now)
        return len(touched)

    async def flush(self, selection: Selection) -> int:
        now = self._now()
        touched = 0
        for row, _ in self._select(selection):
            news = life.flush(row, now)
            if news is not None:
                touched += 1
                self._tell(row, news, now)
        return touched

    async def unrelayed(self, limit: int) -> list[Event]:
        self._now()
        return list(self._unrelayed.values())[:limit]

    async def relayed(self, seqs: Sequence[int]) -> None:
        self._now()
        for seq in seqs:
            self._unrelayed.pop(seq, None)

    async def depth(self) -> Depth:
        now = self._now()
        rows = [row for row, _ in self._rows() if row.state is not State.DONE]
        waits = [now - row.due for row in rows if _is_due(row, now)]
        return Depth(
            rows={
                state: sum(row.state is state for row in rows) for state in State if state is not State.DONE
            },
            oldest_due=max(waits, default=0.0),
            unrelayed_events=len(self._unrelayed),
            in_doubt=sum(row.in_doubt or row.marked for row in rows),
        )

    async def sweep(self, limit: int) -> list[UUID]:
        now = self._now()
        gone: dict[UUID, None] = {}
        for id_, mail in list(self._mail.items())[:limit]:
            ended = mail.ended
            if ended is None or ended > now - rules.BODY_GRACE:
                continue
            mail.body = None
            if mail.elsewhere:
                gone[id_] = None
            if ended <= now - self._terms.keep_events:
                self._forget(id_)
        return list(gone)

    async def ping(self) -> None:
        self._now()

    async def close(self) -> None:
        self._closed = True

    def _now(self) -> float:
        if self._closed:
            raise Unavailable("the ledger is closed")
        return self._clock()

    def _rows(self) -> Iterator[tuple[Row, list[Recipient]]]:
        for mail in self._mail.values():
            yield from mail.deliveries.values()

    def _find(self, delivery_id: UUID) -> tuple[Row | None, list[Recipient]]:
        mail = self._where.get(delivery_id)
        return mail.deliveries[delivery_id] if mail else (None, [])

    def _accept(self, letter: Letter, now: float) -> None:
        message = replace(letter.message, created=now, expires_in=rules.term(letter.message))
        mail = _Mail(message=message, body=letter.body, elsewhere=letter.body is None)
        self._mail[message.id] = mail
        for new in letter.deliveries:
            mail.deliveries[new.id] = life.born(letter, new, now, self._terms)
            self._where[new.id] = mail
        self._record(mail, None, News(kind=EventKind.ACCEPTED), now)

    def _claim(self, ticket: Ticket, owner: str, lease: float, now: float) -> Claim | None:
        row, recipients = self._find(ticket.delivery_id)
        if not row or not life.claim(row, ticket, owner=owner, lease=lease, now=now):
            return None
        life.schedule(row, now, self._terms, self._random)
        self._tell(row, [News(kind=EventKind.ATTEMPT)], now)
        mail = self._where[row.id]
        return life.claimed(row, recipients, mail.message, mail.body, now)

    def _take_back(self, sites: Iterable[str], now: float) -> None:
        for row, recipients in list(self._rows()):
            if row.site in sites and _is_lost(row, now):
                self._tell(row, life.lost(row, recipients, now, self._terms, self._random), now)
                self._tell(row, life.honour(row, recipients, now), now)

    def _hold(
        self, hold: Hold, now: float, *, lease_until: float | None = None, marked: bool = False
    ) -> bool:
        row, _ = self._find(hold.delivery_id)
        if not row or not life.ours(row, hold.epoch) or row.lease_until is None or row.lease_until <= now:
            return False
        row.marked = row.marked or marked
        row.lease_until = lease_until or row.lease_until
        return True

    def _finish(self, result: Result, now: float) -> Finished:
        row, recipients = self._find(result.delivery_id)
        if not row:
            return Finished(delivery_id=result.delivery_id, held=False, report=False)
        held = life.ours(row, result.epoch)
        self._tell(row, life.finish(row, recipients, result, now), now)
        self._tell(row, life.honour(row, recipients, now), now)
        return Finished(delivery_id=row.id, held=held, report=any(r.owed for r in recipients))

    def _release(self, given: Release, now: float) -> bool:
        row, recipients = self._find(given.delivery_id)
        if not row or not life.ours(row, given.epoch):
            return False
        life.release(row, recipients, given, now)
        self._unsay_attempt(row)
        self._tell(row, life.honour(row, recipients, now), now)
        return True

    def _unsay_attempt(self, row: Row) -> None:
        """An attempt that was given back was none."""
        events = self._where[row.id].events
        said = [e for e in events if e.delivery_id == row.id and e.kind is EventKind.ATTEMPT]
        events.remove(said[-1])
        self._unrelayed.pop(said[-1].seq, None)

    def _reportables(self, message_id: UUID, now: float) -> list[tuple[Row, Recipient, Reportable]]:
        mail = self._mail.get(message_id)
        if not mail:
            return []
        pairs = [mail.deliveries[id_] for id_ in sorted(mail.deliveries)]
        return [(row, r, said) for row, rs in pairs for r, said in life.reportables(row, rs, now)]

    def _select(self, wanted: Selection, *, done: bool = False) -> list[tuple[Row, list[Recipient]]]:
        def fits(row: Row) -> bool:
            asked = (
                (wanted.tenant, row.tenant),
                (wanted.message_id, row.message_id),
                (wanted.domain, row.domain),
                (wanted.site, row.site),
                (wanted.state, row.state),
                (wanted.sender, self._where[row.id].message.sender),
            )
            return (row.state is State.DONE) is done and all(w is None or w == has for w, has in asked)

        return [pair for pair in self._rows() if fits(pair[0])]

    def _tell(self, row: Row, news: Iterable[News], now: float) -> None:
        for said in news:
            self._record(self._where[row.id], row, said, now)

    def _record(self, mail: _Mail, row: Row | None, said: News, now: float) -> None:
        self._seq += 1
        recipient = mail.deliveries[row.id][1][said.n].address if row and said.n >= 0 else ""
        event = Event(
            seq=self._seq, message_id=mail.message.id, delivery_id=row.id if row else None, n=said.n, at=now,
            kind=said.kind, code=said.code, enhanced=said.enhanced, text=said.text, peer=said.peer,
            tenant=mail.message.tenant, recipient=recipient,
        )  # fmt: skip
        mail.events.append(event)
        self._unrelayed[event.seq] = event

    def _forget(self, message_id: UUID) -> None:
        mail = self._mail.pop(message_id)
        for delivery_id in mail.deliveries:
            del self._where[delivery_id]
        for event in mail.events:
            self._unrelayed.pop(event.seq, None)

    async def list(
        self, selection: Selection, *, limit: int, after: UUID | None = None
    ) -> list[DeliveryView]:
        self._now()
        chosen = sorted(
            self._select(selection, done=selection.state is State.DONE), key=lambda pair: pair[0].id
        )
        behind = [pair for pair in chosen if after is None or pair[0].id > after][:limit]
        return [life.view(row, rs, self._where[row.id].message) for row, rs in behind]


def _is_due(row: Row, now: float) -> bool:
    return row.waiting and row.due <= now < row.expires


def _is_lost(row: Row, now: float) -> bool:
    return row.state is State.SENDING and row.lease_until is not None and row.lease_until <= now


def _by_due(row: Row) -> tuple[float, UUID]:
    return row.due, row.id
