"""The ledger's values as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime

from services.api import bodies
from yubin.ids import number
from yubin.queue.port import DeliveryView, Event, RecipientView, Tracking


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def delivery(d: DeliveryView) -> bodies.Delivery:
    return bodies.Delivery(
        id=number(d.delivery_id),
        number=number(d.message_id),
        tenant=d.tenant,
        sender=d.sender,
        size=d.size,
        created=at(d.created),
        domain=d.domain,
        site=d.site,
        state=d.state,
        attempts=d.attempts,
        crashes=d.crashes,
        in_doubt=d.in_doubt,
        wish=d.wish,
        due=at(d.due),
        recipients=[_recipient(r) for r in d.recipients],
    )


def _recipient(r: RecipientView) -> bodies.RecipientState:
    return bodies.RecipientState(
        address=r.address,
        outcome=r.outcome,
        code=r.code,
        enhanced=r.enhanced,
        text=r.text,
        ended=None if r.ended is None else at(r.ended),
    )


def track(t: Tracking) -> bodies.Track:
    m = t.message
    return bodies.Track(
        number=number(m.id),
        tenant=m.tenant,
        sender=m.sender,
        origin=m.origin,
        klass=m.klass,
        size=m.size,
        created=at(m.created),
        deliveries=[delivery(d) for d in t.deliveries],
        events=[_event(e) for e in sorted(t.events, key=lambda e: e.seq)],
    )


def _event(e: Event) -> bodies.Event:
    return bodies.Event(
        at=at(e.at),
        kind=e.kind,
        delivery=number(e.delivery_id) if e.delivery_id else None,
        recipient=e.recipient,
        code=e.code,
        enhanced=e.enhanced,
        text=e.text,
        peer=e.peer,
    )
