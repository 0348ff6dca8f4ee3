"""Where a letter rests before its 250 (DESIGN I1, 4):

    addresses elsewhere (of aliases) ──▶ the ledger, as letters of their own, sent on by delivery
    accounts ──Deliver──▶ mailbox; what it did not confirm ──▶ the ledger, class inbound, under the same delivery ids

In this order: while the ledger is away nothing has been stored yet, so that the sender's next try makes no duplicate.
Of a letter that is told 451 after all, the rows are cancelled (CASES A12). A copy that a mailbox has is not taken back;
the sender's next try then makes a second one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from services.mx import meters
from services.mx.addressing import Place
from services.mx.fallback import Fallback, put, tenants
from services.mx.letter import return_path
from services.mx.post import Filed, Post, Sealed
from yubin.acceptance.accept import Acceptance, Draft
from yubin.acceptance.unwind import Unwinding
from yubin.errors import Failure, Unavailable
from yubin.ids import uuid7
from yubin.mailboxes.deliveries import Copy, Deliveries, Inbound, object_name
from yubin.mailboxes.port import ROW_LIMIT, Delivered
from yubin.objects.port import Objects
from yubin.queue.port import Origin
from yubin.runtime import faults, tracing

DELIVER = 20.0  # seconds that the mailbox pod has
DEADLINE = 110.0  # CASES A12
THREAD_ABOVE = 256 * 1024  # octets whose hashing would hold up the event loop


class Filing:
    def __init__(
        self,
        *,
        deliveries: Deliveries,
        objects: Objects,
        acceptance: Acceptance,
        fallback: Fallback,
        unwinding: Unwinding,
        deadline: float = DELIVER,
    ) -> None:
        self._deliveries, self._objects, self._acceptance = deliveries, objects, acceptance
        self._fallback, self._unwinding, self._deadline = fallback, unwinding, deadline

    async def file(self, post: Post) -> Filed:
        """Every copy is durable on return. Raises Unavailable (451, 452) when one is not."""
        begun: list[UUID] = []
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._file(post, begun)
        except TimeoutError as error:
            self._undo(begun)
            raise Unavailable("The letter could not be stored in time", enhanced="4.4.5") from error
        except BaseException:
            self._undo(begun)
            raise

    def _undo(self, begun: Sequence[UUID]) -> None:
        for message_id in begun:
            self._unwinding.begin(message_id)

    async def _file(self, post: Post, begun: list[UUID]) -> Filed:
        onward = await self._send_on(post, begun)
        if not post.addressees.places:
            return Filed(onward=onward, size=post.arrived.size)
        sealed = await _sealed(post)
        faults.point("mx.before_deliver")
        lost = await self._deliver(post, sealed)
        faults.point("mx.after_deliver")
        missing = replace(sealed, copies=lost)
        for n, tenant in enumerate(tenants(lost)):
            message_id = uuid7() if n else post.id
            with _undoable(begun, message_id):
                await self._fallback.keep(post, missing, tenant, message_id)
        missed = {delivery_id for _, delivery_id in lost}
        stored = tuple(place.account.id for place, copy_id in sealed.copies if copy_id not in missed)
        return Filed(stored=stored, waiting=len(lost), onward=onward, size=len(sealed.body))

    async def _send_on(self, post: Post, begun: list[UUID]) -> int:
        """A letter of its own for each tenant whose aliases lead elsewhere; how many addresses."""
        if not post.addressees.elsewhere:
            return 0
        letter = post.arrived.onward()
        for n, (tenant, recipients) in enumerate(post.addressees.elsewhere.items()):
            message_id = uuid7() if n or post.addressees.places else post.id
            draft = Draft(
                id=message_id,
                tenant=tenant,
                account=None,
                origin=Origin.MX,
                sender=post.sender,
                recipients=recipients,
                letter=letter,
                trace=post.received,
                body_type=post.mail.body,
                utf8=post.utf8,
                envid=post.mail.envid,
                ret=post.mail.ret,
            )
            with _undoable(begun, message_id):
                await self._acceptance.accept(draft)
        return sum(map(len, post.addressees.elsewhere.values()))

    async def _deliver(self, post: Post, sealed: Sealed) -> tuple[tuple[Place, UUID], ...]:
        """The copies that no mailbox confirmed."""
        large = len(sealed.body) > ROW_LIMIT
        if large:
            await put(self._objects, object_name(post.id), sealed.body)
        letter = Inbound(
            letter_id=post.id,
            body=None if large else sealed.body,
            object=object_name(post.id) if large else "",
            size=len(sealed.body),
            sha256=sealed.digest,
            copies=tuple(
                Copy(account=place.account.id, delivery_id=delivery_id, junk=post.junk)
                for place, delivery_id in sealed.copies
            ),
            traceparent=tracing.traceparent(),
        )
        try:
            with meters.DELIVER.time(), tracing.span("mailbox.deliver"):
                async with asyncio.timeout(self._deadline):
                    answers = await self._deliveries.deliver(letter)
        except (Failure, TimeoutError):
            return sealed.copies
        answered = zip(sealed.copies, answers, strict=True)
        return tuple(copy for copy, answer in answered if not isinstance(answer, Delivered))


@contextlib.contextmanager
def _undoable(begun: list[UUID], message_id: UUID) -> Iterator[None]:
    """What may have been written in spite of an error is undone; what a Failure says was not written is not."""
    begun.append(message_id)
    try:
        yield
    except Failure as failure:
        if failure.enhanced != "4.4.5":
            begun.remove(message_id)
        raise


async def _sealed(post: Post) -> Sealed:
    """A delivery id for each (transaction, account); RFC 5321 4.4: Return-Path above everything."""
    front = (return_path(post.sender), post.received)
    if post.arrived.size > THREAD_ABOVE:
        body, digest = await asyncio.to_thread(post.arrived.kept, *front)
    else:
        body, digest = post.arrived.kept(*front)
    ids = sorted(uuid7() for _ in post.addressees.places)
    return Sealed(body=body, digest=digest, copies=tuple(zip(post.addressees.places, ids, strict=True)))
