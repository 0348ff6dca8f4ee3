"""How the ledger's values travel to PostgreSQL and back: arrays out, records in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from yubin.queue import rules
from yubin.queue.life import Recipient, Row
from yubin.queue.port import (
    Claim,
    Event,
    EventKind,
    Letter,
    Message,
    Origin,
    Outcome,
    Pending,
    Result,
    State,
    Wish,
)

Record = Any  # asyncpg.Record, which carries no types
Pair = tuple[Row, list[Recipient]]
_ROW = tuple(field.name for field in fields(Row))
_RECIPIENT = tuple(field.name for field in fields(Recipient))


def accept_arrays(letters: Sequence[Letter]) -> list[list[Any]]:
    """The thirty arguments of ``Statements.accept``: messages, bodies, deliveries, recipients."""
    messages = [letter.message for letter in letters]
    bodies = [(letter.message.id, letter.body) for letter in letters if letter.body is not None]
    deliveries, recipients = [], []
    for letter in letters:
        m = letter.message
        for new in letter.deliveries:
            delay = False
            for n, who in enumerate(new.recipients):
                notify = rules.notify_bits(who.notify)
                tell = rules.tell_bits(m.sender, notify)
                delay = delay or bool(tell & rules.DELAY)
                recipients.append((new.id, m.id, n, who.address, who.orcpt, notify, tell))
            deliveries.append((new.id, m.id, new.domain, new.published, delay))
    return [
        [m.id for m in messages],
        [m.tenant for m in messages],
        [m.account for m in messages],
        [m.origin.value for m in messages],
        [m.sender for m in messages],
        [m.size for m in messages],
        [m.sha256 for m in messages],
        [m.body_type for m in messages],
        [m.utf8 for m in messages],
        [m.requiretls for m in messages],
        [m.envid for m in messages],
        [m.ret for m in messages],
        [m.klass for m in messages],
        [float(rules.term(m)) for m in messages],
        [m.traceparent for m in messages],
        [letter.body is None for letter in letters],
        *_columns(bodies, 2),
        *_columns(deliveries, 5),
        *_columns(recipients, 7),
    ]


def finish_arrays(results: Sequence[Result]) -> list[list[Any]]:
    words = [
        (result.delivery_id, word.n, word.outcome.value, word.code, word.enhanced, word.text)
        for result in results
        for word in result.recipients
    ]
    return [
        [r.delivery_id for r in results],
        [r.epoch for r in results],
        [r.site for r in results],
        [r.peer for r in results],
        [r.counted for r in results],
        [None if r.retry_after is None else float(r.retry_after) for r in results],
        [r.in_doubt for r in results],
        [r.quarantine for r in results],
        *_columns(words, 6),
    ]


def to_message(row: Record) -> Message:
    return Message(
        id=_uuid(row["message_id"]), tenant=row["tenant"], account=row["account"], origin=Origin(row["origin"]),
        sender=row["sender"], size=row["size"], sha256=row["sha256"], body_type=row["body_type"], utf8=row["utf8"],
        requiretls=row["requiretls"], envid=row["envid"], ret=row["ret"], klass=row["klass"], created=row["created"],
        expires_in=row["expires_in"], traceparent=row["traceparent"],
    )  # fmt: skip


def to_claim(row: Record) -> Claim:
    columns = zip(
        row["ns"] or (), row["addresses"] or (), row["orcpts"] or (), row["notifies"] or (), strict=True
    )
    waiting = tuple(
        Pending(n=n, address=address, orcpt=orcpt, notify=rules.notify_set(bits))
        for n, address, orcpt, bits in columns
    )
    return Claim(
        delivery_id=_uuid(row["id"]), epoch=row["epoch"], message=to_message(row), body=row["data"],
        domain=row["domain"], site=row["site"], attempts=row["attempts"], crashes=row["crashes"],
        in_doubt=row["in_doubt"], recipients=waiting, now=row["now"], due=row["due"], expires=row["expires"],
        recovered=row["crashes"] > 0,
    )  # fmt: skip


def to_event(row: Record) -> Event:
    return Event(
        seq=row["seq"], message_id=_uuid(row["message_id"]), n=row["n"], at=row["at"], kind=EventKind(row["kind"]),
        delivery_id=_uuid(row["delivery_id"]) if row["delivery_id"] else None, code=row["code"],
        enhanced=row["enhanced"], text=row["text"], peer=row["peer"], tenant=row["tenant"], recipient=row["recipient"],
    )  # fmt: skip


def to_pairs(found: Sequence[Record], recipients: Sequence[Record]) -> list[Pair]:
    """Rows, each with its recipients in order."""
    whose: dict[UUID, list[Recipient]] = {row["id"]: [] for row in found}
    for record in recipients:
        made = Recipient(**{name: record[name] for name in _RECIPIENT})
        made.outcome = Outcome(made.outcome)
        whose[record["delivery_id"]].append(made)
    return [(_to_row(row), whose[row["id"]]) for row in found]


def _to_row(record: Record) -> Row:
    made = Row(**{name: record[name] for name in _ROW})
    made.id, made.message_id = _uuid(made.id), _uuid(made.message_id)
    made.state, made.wish = State(made.state), Wish(made.wish) if made.wish else None
    return made


def _uuid(value: UUID) -> UUID:
    """A plain UUID: the driver's own kind is a subclass that does not compare with it by order."""
    return UUID(int=value.int)


def _columns(values: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*values, strict=True)] if values else [[] for _ in range(width)]
