"""What goes in and out as JSON where it is about mailboxes."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from services.api.bodies import In, Name, Out


class Mailbox(Out):
    """``special_use`` as in RFC 6154. Octets; ``deleted`` letters wait to be expunged."""

    id: int
    name: str
    special_use: str
    messages: int
    unseen: int
    deleted: int
    size: int
    uidvalidity: int
    uidnext: int


class Mailboxes(Out):
    """``account`` is its id. Octets; ``quota`` 0: the mailbox pod's own default."""

    address: str
    account: str
    quota: int
    used: int
    messages: int
    mailboxes: list[Mailbox]


class NewMailbox(In):
    """Levels of ``name`` are divided by "/"."""

    name: Name


class Message(Out):
    """``received`` is when it came, ``date`` what the letter says. Text is decoded."""

    uid: int
    received: datetime
    date: datetime | None
    size: int
    flags: list[str]
    sender: str = field(name="from")
    to: str
    subject: str
    message_id: str
    preview: str


class Messages(Out):
    """``next`` is what ``before`` takes for the following page (``after``, where that was given); None at the end."""

    mailbox: Mailbox
    messages: list[Message]
    next: int | None


class Appended(Out):
    """``fresh`` is False where the same Idempotency-Key brought it before."""

    mailbox: int
    uidvalidity: int
    uid: int
    fresh: bool


class Hit(Out):
    """A letter that has the words."""

    mailbox: str
    mailbox_id: int
    uid: int
    received: datetime
    date: datetime | None
    size: int
    sender: str = field(name="from")
    to: str
    subject: str
    preview: str


class Found(Out):
    """The newest of each mailbox first. ``more``: there are others. ``unknown`` letters were not looked at.

    Those came lately: a letter is indexed some seconds after it came.
    """

    found: list[Hit]
    more: bool
    unknown: int
