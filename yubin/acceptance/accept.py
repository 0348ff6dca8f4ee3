"""The last step of every inlet (submission, api): a finished letter becomes durable, and is offered to delivery.

    DKIM → aliases expanded → split by domain, at most 50 recipients each → body above the row limit to the
    object store → head start → one ledger transaction → the caller may say 250 → dispatch hears of it

Nothing before the commit can be seen by anybody: an object without a row is swept after a day. Nothing after it can
fail: dispatch is a hint, and what it never hears of is found in the ledger (DESIGN I1, I3).

The constructor has an argument for each thing that a letter passes on this way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from yubin.acceptance.expand import expand
from yubin.acceptance.head_start import HeadStart
from yubin.accounts.port import Recipients, SigningKey, SigningKeys
from yubin.auth import dkim
from yubin.dispatch.port import Dispatch, Job
from yubin.errors import Failure, Unavailable
from yubin.ids import number, uuid7
from yubin.mail.address import canonical_domain
from yubin.mail.message import Complete
from yubin.objects.port import Objects
from yubin.queue.port import (
    RECIPIENTS_PER_DELIVERY,
    ROW_LIMIT,
    Letter,
    Message,
    NewDelivery,
    NewRecipient,
    Origin,
    body_name,
)
from yubin.runtime import faults, tracing
from yubin.runtime.tracing import traceparent

BLOB_TIMEOUT = 25.0  # CASES A5: 451 within 30 s
DEADLINE = (
    110.0  # CASES A12: a client waits 10 min for the dot's reply (RFC 5321 4.5.3.2.6); ours comes sooner
)
THREAD_ABOVE = 256 * 1024  # bytes whose hashing would hold up the event loop

LETTERS = Counter("yubin_acceptance_letters", "Letters at the gate", ("origin", "outcome"))
RECIPIENTS = Counter("yubin_acceptance_recipients", "Recipients of accepted letters", ("origin",))
BYTES = Counter("yubin_acceptance_bytes", "Size of accepted letters", ("origin",))
SECONDS = Histogram("yubin_acceptance_seconds", "From the finished letter to its commit", ("origin",))


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A letter as its inlet leaves it: recipients checked, header complete, ``trace`` the Received field.

    ``id`` is the tracking number that ``trace`` names. ``signed_for`` is the domain of From, "" to leave unsigned.
    """

    id: UUID
    tenant: str
    account: str | None
    origin: Origin
    sender: str
    recipients: tuple[NewRecipient, ...]
    letter: Complete
    trace: bytes = b""
    signed_for: str = ""
    body_type: str = "7BIT"
    utf8: bool = False
    requiretls: bool = False
    envid: str | None = None
    ret: str | None = None
    klass: str = "interactive"


class Accepts(Protocol):
    """``yubin.queue.group.Grouped`` is one."""

    async def accept(self, letter: Letter) -> None: ...


class Acceptance:
    def __init__(
        self,
        *,
        ledger: Accepts,
        objects: Objects,
        dispatch: Dispatch,
        keys: SigningKeys,
        head_start: HeadStart,
        recipients: Recipients | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without ``recipients`` every address is taken as it is."""
        self._ledger, self._objects, self._dispatch = ledger, objects, dispatch
        self._keys, self._recipients = keys, recipients
        self._head_start, self._clock = head_start, clock

    async def accept(self, draft: Draft) -> UUID:
        """Durable on return. Raises Unavailable (451, 452), Exhausted, and what the directory says about the keys."""
        with tracing.span("accept") as span, SECONDS.labels(draft.origin).time():
            span.set_attribute("yubin.message", number(draft.id))
            try:
                async with asyncio.timeout(DEADLINE):
                    letter = await self._commit(draft)
            except TimeoutError as e:
                LETTERS.labels(draft.origin, "failed").inc()
                raise Unavailable("The letter could not be stored in time", enhanced="4.4.5") from e
            except Failure:
                LETTERS.labels(draft.origin, "failed").inc()
                raise
            self._publish(letter)
        LETTERS.labels(draft.origin, "accepted").inc()
        RECIPIENTS.labels(draft.origin).inc(len(draft.recipients))
        BYTES.labels(draft.origin).inc(letter.message.size)
        return draft.id

    async def _commit(self, draft: Draft) -> Letter:
        keys = await self._keys.signing_keys(draft.signed_for) if draft.signed_for else ()
        if draft.letter.size > THREAD_ABOVE:
            body, digest = await asyncio.to_thread(_finish, draft, keys, self._clock())
        else:
            body, digest = _finish(draft, keys, self._clock())
        given = draft.recipients
        recipients = await expand(given, self._recipients) if self._recipients else given
        deliveries = self._split(draft.tenant, recipients)
        in_row = len(body) <= ROW_LIMIT
        if not in_row:
            await self._store(draft.id, body)
        message = _message(draft, len(body), digest)
        letter = Letter(message=message, body=body if in_row else None, deliveries=deliveries)
        faults.point("accept.before_commit")
        with tracing.span("ledger.accept"):
            await self._ledger.accept(letter)
        faults.point("accept.after_commit")
        return letter

    async def _store(self, message_id: UUID, body: bytes) -> None:
        faults.point("accept.before_blob")
        try:
            async with asyncio.timeout(BLOB_TIMEOUT):
                await self._objects.put(body_name(message_id), body)
        except TimeoutError as e:
            raise Unavailable("The letter could not be stored in time") from e
        faults.point("accept.after_blob")

    def _split(self, tenant: str, recipients: Sequence[NewRecipient]) -> tuple[NewDelivery, ...]:
        """One delivery for each domain and 50 recipients; an address that is named twice gets one letter."""
        domains: dict[str, dict[str, NewRecipient]] = {}
        for recipient in recipients:
            local, _, domain = recipient.address.rpartition("@")
            domains.setdefault(canonical_domain(domain), {}).setdefault(local, recipient)
        rows = [
            (domain, batch) for domain, found in domains.items() for batch in _batches(tuple(found.values()))
        ]
        ids = sorted(uuid7() for _ in rows)  # lists go by id: rows stay in the order of the recipients
        return tuple(
            NewDelivery(
                id=delivery_id,
                domain=domain,
                recipients=batch,
                published=self._head_start.draw(tenant, domain),
            )
            for delivery_id, (domain, batch) in zip(ids, rows, strict=True)
        )

    def _publish(self, letter: Letter) -> None:
        message = letter.message
        jobs = [
            Job(
                delivery_id=delivery.id,
                message_id=message.id,
                epoch=0,
                domain=delivery.domain,
                tenant=message.tenant,
                klass=message.klass,
                traceparent=message.traceparent,
            )
            for delivery in letter.deliveries
            if delivery.published
        ]
        if jobs:
            with tracing.span("dispatch.publish", SpanKind.PRODUCER):
                self._dispatch.publish(jobs)
        faults.point("accept.after_publish")


def _finish(draft: Draft, keys: Sequence[SigningKey], now: float) -> tuple[bytes, bytes]:
    """The letter in one piece, signed, and its SHA-256."""
    signature = dkim.sign(draft.letter.header, draft.letter.body, keys, now=now)
    body = draft.letter.join(draft.trace, signature)
    return body, sha256(body).digest()


def _batches(recipients: tuple[NewRecipient, ...]) -> list[tuple[NewRecipient, ...]]:
    size = RECIPIENTS_PER_DELIVERY
    return [recipients[i : i + size] for i in range(0, len(recipients), size)]


def _message(draft: Draft, size: int, digest: bytes) -> Message:
    return Message(
        id=draft.id,
        tenant=draft.tenant,
        account=draft.account,
        origin=draft.origin,
        sender=draft.sender,
        size=size,
        sha256=digest,
        body_type=draft.body_type,
        utf8=draft.utf8,
        requiretls=draft.requiretls,
        envid=draft.envid,
        ret=draft.ret,
        klass=draft.klass,
        expires_in=(5 if draft.sender else 2) * 86400.0,
        traceparent=traceparent(),
    )
