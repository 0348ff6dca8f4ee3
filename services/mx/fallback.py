"""Copies that no mailbox confirmed wait in the ledger (DESIGN 4), class ``inbound``: only ever for a mailbox.

Each keeps the delivery id under which Deliver was asked, so that a copy which had arrived after all is not made twice.
The first row has the id of the letter: it is found under the number of the 250. One letter for each tenant, since a row
of the ledger belongs to one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from opentelemetry.trace import SpanKind

from services.mx import meters
from services.mx.addressing import Place
from services.mx.post import Post, Sealed
from yubin.acceptance.accept import BLOB_TIMEOUT
from yubin.acceptance.head_start import HeadStart
from yubin.dispatch.port import Dispatch, Job
from yubin.errors import Unavailable
from yubin.objects.port import Objects
from yubin.queue.port import ROW_LIMIT, Letter, Message, NewDelivery, NewRecipient, Origin, body_name
from yubin.runtime import tracing


class Queue(Protocol):
    """``yubin.queue.group.Grouped`` is one."""

    async def accept(self, letter: Letter) -> None: ...


class Fallback:
    def __init__(self, ledger: Queue, objects: Objects, dispatch: Dispatch, head_start: HeadStart) -> None:
        self._ledger, self._objects, self._dispatch, self._head_start = ledger, objects, dispatch, head_start

    async def keep(self, post: Post, sealed: Sealed, tenant: str, message_id: UUID) -> None:
        """Durable on return: all copies of ``sealed`` that are ``tenant``'s. Raises Unavailable (451, 452)."""
        copies = [copy for copy in sealed.copies if copy[0].tenant == tenant]
        in_row = len(sealed.body) <= ROW_LIMIT
        if not in_row:
            await put(self._objects, body_name(message_id), sealed.body)
        letter = Letter(
            message=_message(post, sealed, tenant, message_id),
            body=sealed.body if in_row else None,
            deliveries=tuple(self._delivery(place, delivery_id) for place, delivery_id in copies),
        )
        with meters.KEEP.time(), tracing.span("ledger.accept"):
            await self._ledger.accept(letter)
        meters.FALLBACK.inc(len(copies))
        self._publish(letter)

    def _delivery(self, place: Place, delivery_id: UUID) -> NewDelivery:
        address = place.account.address
        domain = address.rpartition("@")[2]
        return NewDelivery(
            id=delivery_id,
            domain=domain,
            recipients=(NewRecipient(address=address),),
            published=self._head_start.draw(place.tenant, domain),
        )

    def _publish(self, letter: Letter) -> None:
        """A hint: what nobody hears of is found in the ledger (DESIGN I3)."""
        jobs = [
            Job(
                delivery_id=delivery.id,
                message_id=letter.message.id,
                epoch=0,
                domain=delivery.domain,
                tenant=letter.message.tenant,
                klass=letter.message.klass,
                traceparent=letter.message.traceparent,
            )
            for delivery in letter.deliveries
            if delivery.published
        ]
        if jobs:
            with tracing.span("dispatch.publish", SpanKind.PRODUCER):
                self._dispatch.publish(jobs)


async def put(objects: Objects, name: str, body: bytes) -> None:
    """Durable on return, or Unavailable within ``BLOB_TIMEOUT`` (CASES A5)."""
    try:
        async with asyncio.timeout(BLOB_TIMEOUT):
            await objects.put(name, body)
    except TimeoutError as error:
        raise Unavailable("The letter could not be stored in time") from error


def tenants(copies: Sequence[tuple[Place, UUID]]) -> list[str]:
    """Each once, in the order of the copies."""
    return list(dict.fromkeys(place.tenant for place, _ in copies))


def _message(post: Post, sealed: Sealed, tenant: str, message_id: UUID) -> Message:
    return Message(
        id=message_id,
        tenant=tenant,
        account=None,
        origin=Origin.MX,
        sender=post.sender,
        size=len(sealed.body),
        sha256=sealed.digest,
        body_type=post.mail.body,
        utf8=post.utf8,
        envid=post.mail.envid,
        ret=post.mail.ret,
        klass="inbound-junk" if post.junk else "inbound",
        traceparent=tracing.traceparent(),
    )
