"""Reports: the sender hears once of each recipient that failed, is late, or was relayed (RFC 3464).

The worker says when somebody is owed a report; what a crash made it forget is found by asking the ledger every few
seconds. The report is composed inside the transaction that marks its recipients as reported, so that two pods, or one
that is killed, never send two (DESIGN: "DSN exactly once"). It is a letter like any other, from the null reverse-path.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from hashlib import sha256
from uuid import UUID

import structlog
from prometheus_client import Counter

from yubin import ids
from yubin.dispatch.port import Dispatch, Job
from yubin.errors import Failure
from yubin.mail.dsn import Notification, Report, Reported, compose
from yubin.objects.port import Objects
from yubin.queue.port import (
    Claim,
    Ledger,
    Letter,
    Message,
    NewDelivery,
    NewRecipient,
    Origin,
    Reportable,
    body_name,
)
from yubin.queue.rules import INBOUND
from yubin.runtime import faults
from yubin.runtime.metrics import ERRORS

log = structlog.get_logger()
MADE = Counter("yubin_delivery_reports", "delivery status notifications made")
BATCH = 100
AT_ONCE = 8  # reports being made, each a transaction of its own
NULL_SENDER_LIFE = 2 * 86400.0


class Reports:
    def __init__(
        self, *, ledger: Ledger, objects: Objects, dispatch: Dispatch, hostname: str, every: float
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._dispatch = dispatch
        self._hostname = hostname
        self._every = every
        self._owed: set[UUID] = set()
        self._wake = asyncio.Event()

    def owe(self, claim: Claim) -> None:
        self.owe_message(claim.message.id)

    def owe_message(self, message_id: UUID) -> None:
        if len(self._owed) < 10 * BATCH:  # the rest is found in the ledger
            self._owed.add(message_id)
        self._wake.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        look_at = time.monotonic() + self._every
        while True:
            try:
                async with asyncio.timeout(max(0.0, look_at - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                pass
            more = False
            if time.monotonic() >= look_at:  # also while the worker brings one after the other
                more = await self._look()
                look_at = time.monotonic() + self._every
            self._wake.clear()
            made = await self._make(self._take())
            if more and made:  # a batch was full, and not of reports that fail again and again
                look_at = time.monotonic()

    def _take(self) -> set[UUID]:
        taken, self._owed = self._owed, set()
        return taken

    async def _look(self) -> bool:
        """True when there may be more than one batch."""
        try:
            found = await self._ledger.reports_due(BATCH)
        except Failure as failure:
            log.warning("The ledger could not be asked for reports.", action="report", why=failure.text)
            return False
        self._owed.update(found)
        return len(found) == BATCH

    async def _make(self, owed: Iterable[UUID]) -> int:
        """A few at once; the number of reports that were made."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(message_id: UUID) -> bool:
            async with room:
                return await self._one(message_id)

        return sum(await asyncio.gather(*(one(message_id) for message_id in owed)))

    async def _one(self, message_id: UUID) -> bool:
        try:
            return await self.report(message_id) is not None
        except Failure as failure:  # asked for again at the next look
            log.warning(
                "A report was put off.", action="report", message=ids.number(message_id), why=failure.text
            )
        except Exception:  # the worker loop: a letter that cannot be reported must not stop the others
            ERRORS.labels("report").inc()
            log.exception("A report failed.", action="report", message=ids.number(message_id))
        return False

    async def report(self, message_id: UUID) -> UUID | None:
        """Make the report that is owed about a message, if any; its id."""
        message = await self._ledger.message(message_id)
        if message is None:
            return None
        original = await self._original(message)
        made: list[Letter] = []

        def build(about: Message, owed: Sequence[Reportable]) -> Letter | None:
            made[:] = []
            letter = notification(about, owed, host=self._hostname, now=time.time(), original=original)
            if letter is not None:
                made.append(letter)
            return letter

        report_id = await self._ledger.report(message_id, build)
        faults.point("delivery.after_report")
        if report_id is not None and made:
            MADE.inc()
            self._dispatch.publish([_job(made[0], d) for d in made[0].deliveries])
            log.info(
                "The sender is told.",
                action="report",
                message=ids.number(message_id),
                report=ids.number(report_id),
            )
        return report_id

    async def _original(self, message: Message) -> bytes | None:
        """The letter as stored; None when it is gone, and the report does without."""
        body = await self._ledger.body(message.id)
        if body is not None:
            return body
        try:
            return await self._objects.get(body_name(message.id))
        except Failure:
            return None


def notification(
    about: Message, owed: Sequence[Reportable], *, host: str, now: float, original: bytes | None
) -> Letter | None:
    """The report as a letter ready for the ledger; None when nobody is to be told.

    Of a letter that mx accepted for a mailbox nobody is: its sender may be forged (DESIGN 4; CASES I3).
    """
    if about.klass.startswith(INBOUND):
        return None
    report_id = ids.uuid7(now)
    reported = Reported(
        number=ids.number(about.id),
        sender=about.sender,
        created=about.created,
        envid=about.envid,
        ret=about.ret,
        utf8=about.utf8,
        size=about.size,
    )
    made = compose(
        reported,
        [_report(r) for r in owed],
        host=host,
        number=ids.number(report_id),
        now=now,
        original=original,
    )
    return _letter(about, report_id, made) if made is not None else None


def _report(r: Reportable) -> Report:
    return Report(
        address=r.address,
        kind=r.kind.value,
        orcpt=r.orcpt,
        code=r.code,
        enhanced=r.enhanced,
        text=r.text,
        peer=r.peer,
        last_attempt=r.last_attempt,
        will_retry_until=r.will_retry_until,
    )


def _letter(about: Message, report_id: UUID, made: Notification) -> Letter:
    message = Message(
        id=report_id,
        tenant=about.tenant,
        account=about.account,
        origin=Origin.DSN,
        sender="",  # RFC 3464 2: the null reverse-path, so that reports make no reports
        size=len(made.body),
        sha256=sha256(made.body).digest(),
        body_type=made.body_type,
        utf8=made.utf8,
        klass="dsn",
        expires_in=NULL_SENDER_LIFE,
        traceparent=about.traceparent,
    )
    delivery = NewDelivery(
        id=ids.uuid7(),
        domain=made.recipient.rpartition("@")[2],
        recipients=(NewRecipient(address=made.recipient, notify=frozenset({"NEVER"})),),
        published=True,
    )
    return Letter(message=message, body=made.body, deliveries=(delivery,))


def _job(letter: Letter, delivery: NewDelivery) -> Job:
    m = letter.message
    return Job(
        delivery_id=delivery.id,
        message_id=m.id,
        epoch=0,
        domain=delivery.domain,
        tenant=m.tenant,
        klass=m.klass,
        traceparent=m.traceparent,
    )
