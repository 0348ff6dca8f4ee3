"""What goes in and out as JSON: the schema of the API, from which /v1/openapi.json is made.

Field names are those of the wire. Unknown fields are errors, so that a typing error is not silently nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(max_length=254)]
Line = Annotated[str, Meta(max_length=2000)]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]


class In(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request. Its repr says nothing: passwords and letters must not get into logs (CASES L8)."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Out(Struct, kw_only=True):
    """An answer."""


class Nothing(Out):
    """Done; nothing to say."""


class NewTenant(In):
    name: Name


class Tenant(Out):
    name: str
    created: datetime


class Tenants(Out):
    tenants: list[Tenant]


class NewDomain(In):
    """``catch_all`` is the address of an account of the same tenant that gets what nobody else does."""

    name: Name
    tenant: Name = "default"
    catch_all: Name = ""


class DkimRecord(Out):
    """Publish ``text`` as TXT record of ``name``. ``signing`` is False for a key that was replaced."""

    selector: str
    algorithm: str
    name: str
    text: str
    signing: bool


class Domain(Out):
    name: str
    tenant: str
    created: datetime
    catch_all: str
    dkim: list[DkimRecord]
    scram: bool = False


class DomainChange(In):
    """``scram``: whether passwords of its accounts may also be proven by SCRAM-SHA-256."""

    scram: bool


class Domains(Out):
    domains: list[Domain]


class NewKey(In):
    """``algorithm`` rsa-sha256 or ed25519-sha256; ``selector`` "" makes one from the date."""

    algorithm: Name = "rsa-sha256"
    selector: Name = ""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """0 means the pod's own default. Octets; ``recipients`` of a letter; ``per_hour`` recipients an hour."""

    quota: Annotated[int, Meta(ge=0, le=2**62)] = 0
    message_size: Annotated[int, Meta(ge=0, le=2**62)] = 0
    recipients: Annotated[int, Meta(ge=0, le=2**31)] = 0
    per_hour: Annotated[int, Meta(ge=0, le=2**31)] = 0


class NewAccount(In):
    address: Name
    password: Password
    limits: Limits = Limits()


class Change(In):
    """Only what is given changes. ``moved_to``: senders are told this address instead (551 5.1.6); "" takes it back.

    ``app_only``: mail programs need an app password.
    """

    enabled: bool | None = None
    limits: Limits | None = None
    moved_to: Name | None = None
    app_only: bool | None = None


class NewPassword(In):
    password: Password


class Account(Out):
    id: str
    tenant: str
    address: str
    enabled: bool
    limits: Limits
    created: datetime
    moved_to: str = ""
    app_only: bool = False


class Accounts(Out):
    accounts: list[Account]


class NewAppPassword(In):
    """``services`` of submission, imap and pop3; none: all."""

    name: Name
    services: list[Name] = []


class AppPassword(Out):
    """``used``: to the hour."""

    id: str
    name: str
    services: list[str]
    created: datetime
    used: datetime | None


class MadeAppPassword(Out):
    """The only answer that ever holds ``password``."""

    app_password: AppPassword
    password: str

    def __repr__(self) -> str:
        return "MadeAppPassword(…)"


class AppPasswords(Out):
    app_passwords: list[AppPassword]


class Targets(In):
    targets: Annotated[list[Name], Meta(min_length=1, max_length=1000)]


class Alias(Out):
    address: str
    tenant: str
    targets: list[str]


class Aliases(Out):
    aliases: list[Alias]


class Send(In):
    """A letter: ``raw`` (base64) as it is, or ``subject``, ``text`` and ``html``, of which one is made.

    ``from``, ``to``, ``cc``, ``bcc``: ``user@example.org`` or ``Name <user@example.org>``. With ``raw``, ``to`` and
    the others are the envelope only. ``class`` bulk stands behind interactive mail. ``notify``: of success, failure,
    delay, or never alone (RFC 3461).
    """

    sender: Line = field(name="from")
    to: list[Line] = []
    cc: list[Line] = []
    bcc: list[Line] = []
    reply_to: list[Line] = []
    subject: Line = ""
    text: str | None = None
    html: str | None = None
    headers: dict[str, Line] = {}
    raw: bytes | None = None
    klass: Annotated[str, Meta(pattern="^(interactive|bulk)$")] = field(name="class", default="interactive")
    notify: list[Annotated[str, Meta(pattern="^(?i:never|success|failure|delay)$")]] = []


class Sent(Out):
    """``number`` is the tracking number; ``message_id`` is "" where an Idempotency-Key was used before."""

    number: str
    message_id: str
    recipients: int


class RecipientState(Out):
    """``outcome``: pending, delivered, relayed, bounced, expired, cancelled or quarantined."""

    address: str
    outcome: str
    code: int
    enhanced: str
    text: str
    ended: datetime | None


class Delivery(Out):
    """Up to 50 recipients of one domain. ``due``: the next attempt, when ``state`` is ready or deferred."""

    id: str
    number: str
    tenant: str
    sender: str
    size: int
    created: datetime
    domain: str
    site: str
    state: str
    attempts: int
    crashes: int
    in_doubt: bool
    wish: str | None
    due: datetime
    recipients: list[RecipientState]


class Event(Out):
    """``recipient`` "" for an event of all of a delivery. ``peer`` is host[address]:port of the other server."""

    at: datetime
    kind: str
    delivery: str | None
    recipient: str
    code: int
    enhanced: str
    text: str
    peer: str


class Track(Out):
    """The letter's way."""

    number: str
    tenant: str
    sender: str
    origin: str
    klass: str = msgspec.field(name="class")
    size: int
    created: datetime
    deliveries: list[Delivery]
    events: list[Event]


class Queue(Out):
    """``next`` is what ``after`` takes for the following page; None at the end."""

    deliveries: list[Delivery]
    next: str | None


class Select(In):
    """Which rows: every given field must match. ``all`` must be true where no other field is given."""

    tenant: Name | None = None
    number: Name | None = None
    domain: Name | None = None
    site: Name | None = None
    state: Name | None = None
    sender: Name | None = None
    all: bool = False


class Touched(Out):
    """How many rows were touched; a row being sent is marked, and obeys when its attempt ends without success."""

    deliveries: int


class Problem(Out):
    """RFC 9457. ``code`` and ``enhanced`` are what an SMTP client would have been told."""

    type: str
    title: str
    status: int
    detail: str
    enhanced: str
