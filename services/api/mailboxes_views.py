"""The mailboxes' values as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime

from services.api import mailboxes_bodies as bodies
from yubin.mail import summary
from yubin.mailboxes.port import Mailbox, Row


def mailbox(found: Mailbox) -> bodies.Mailbox:
    return bodies.Mailbox(
        id=found.id,
        name=found.name,
        special_use=found.special_use,
        messages=found.messages,
        unseen=found.unseen,
        deleted=found.deleted,
        size=found.size,
        uidvalidity=found.uidvalidity,
        uidnext=found.uidnext,
    )


def message(row: Row, flags: frozenset[str]) -> bodies.Message:
    about = summary.unpack(row.summary)
    return bodies.Message(
        uid=row.uid,
        received=datetime.fromtimestamp(row.received, UTC),
        date=_written(about.date),
        size=row.size,
        flags=sorted(flags),
        sender=about.from_,
        to=about.to,
        subject=about.subject,
        message_id=about.message_id,
        preview=about.preview,
    )


def hit(box: Mailbox, row: Row) -> bodies.Hit:
    about = summary.unpack(row.summary)
    return bodies.Hit(
        mailbox=box.name,
        mailbox_id=box.id,
        uid=row.uid,
        received=datetime.fromtimestamp(row.received, UTC),
        date=_written(about.date),
        size=row.size,
        sender=about.from_,
        to=about.to,
        subject=about.subject,
        preview=about.preview,
    )


def _written(seconds: float | None) -> datetime | None:
    """A zone may carry the last day of the year 9999 beyond it."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        return None
