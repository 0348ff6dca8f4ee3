"""The worker: from a claim to a written result.

``attempt`` is the only road to an SMTP session, and it starts from a claim (DESIGN I2). Order of things: expiry, route,
body, session, result. Whatever goes wrong on our side is a deferral that costs no attempt. A result is written until
the ledger takes it, since the peer's 250 is a promise too; a stopping pod gives back what it has not begun to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span
from prometheus_client import Counter, Histogram

from services.delivery import verdicts
from services.delivery.alone import AFTER, Alone, ChildDied
from services.delivery.attempt import Attempt, Content
from services.delivery.handover import Handover, kept, stranded
from services.delivery.inside import SITE
from services.delivery.leases import Lease, Leases
from yubin import ids
from yubin.dns.port import Route
from yubin.errors import Failure
from yubin.objects.port import Objects
from yubin.queue.group import Grouped
from yubin.queue.port import Claim, Outcome, Release, Result, body_name
from yubin.runtime import faults
from yubin.runtime.metrics import ERRORS

log = structlog.get_logger()
ATTEMPTS = Counter(
    "yubin_delivery_recipients", "recipients by what came of an attempt", ["outcome", "provider"]
)
SECONDS = Histogram(
    "yubin_delivery_attempt_seconds",
    "from the claim to the written result",
    ["provider"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900),
)
WRITE_RETRY = (0.2, 0.5, 1.0, 2.0, 5.0)


class Owed(Protocol):
    """Hears of messages whose sender is owed a DSN."""

    def owe(self, claim: Claim) -> None: ...


class Worker:
    def __init__(
        self,
        *,
        ledger: Grouped,
        objects: Objects,
        attempt: Attempt,
        handover: Handover,
        alone: Alone,
        leases: Leases,
        owed: Owed,
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._attempt = attempt
        self._handover = handover
        self._alone = alone
        self._leases = leases
        self._owed = owed

    async def run(self, claim: Claim, route: Route, lease: Lease) -> None:
        """One attempt of one row, to its end."""
        began = self._leases.clock()
        span = trace.get_current_span()
        _describe(span, claim, route)
        try:
            result = kept(claim, await self._result(claim, route, lease))
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(claim, route.site, lease))
            raise
        except ChildDied:  # nothing is written: the lease runs out, and the ledger counts the loss
            return
        faults.point("delivery.before_finish")
        await self._write(claim, result)
        faults.point("delivery.after_finish")
        SECONDS.labels(route.provider).observe(self._leases.clock() - began)
        _tell(claim, route, result)

    async def _result(self, claim: Claim, route: Route, lease: Lease) -> Result:
        if not claim.recipients:  # a late success has ended them all
            return verdicts.whole(claim, route.site, Outcome.DELIVERED, 250, "2.0.0", "")
        decided = verdicts.expired(claim) or verdicts.routed(claim, route)
        if decided is not None:
            return decided
        try:
            if route.site == SITE:
                return await self._handover.deliver(claim)
            if (lost := stranded(claim, route.site)) is not None:
                return lost
            if claim.crashes >= AFTER:  # the body, too, is for the child to read
                return await self._alone.deliver(claim, route, lease)
            content = await self._content(claim)
            if content is None:
                text = "the letter's body is not readable now"
                return verdicts.ours(claim, route.site, text, retry_after=60.0)
            mark = self._marker(lease)
            return await self._attempt.deliver(claim, content, route, mark=mark, lease_left=lease.left)
        except ChildDied:
            raise
        except Exception:  # the worker loop: one of the three places that catch all
            log.exception(
                "An attempt failed for a reason of our own.", action="attempt", message=_number(claim)
            )
            ERRORS.labels("attempt").inc()
            return verdicts.ours(claim, route.site, "internal error", retry_after=300.0)

    async def _content(self, claim: Claim) -> Content | None:
        message = claim.message
        body = claim.body
        if body is None:
            try:
                body = await self._objects.get(body_name(message.id))
            except Failure as failure:
                why = str(failure)
                log.warning("A body could not be read.", action="attempt", message=_number(claim), why=why)
                return None
        return Content(body=body, body_type=message.body_type, utf8=message.utf8, size=message.size)

    def _marker(self, lease: Lease) -> Callable[[], asyncio.Future[bool]]:
        async def mark() -> bool:
            lease.marked = True
            try:
                return await self._ledger.mark_in_doubt(lease.hold)
            except Failure as failure:
                log.warning("The in-doubt mark failed.", action="mark", why=failure.text)
                return False

        return lambda: asyncio.ensure_future(mark())

    async def _write(self, claim: Claim, result: Result) -> None:
        """Until the ledger takes it; cancellation ends the tries, not the one under way."""
        for turn in range(1_000_000):
            try:
                finished = await asyncio.shield(self._ledger.finish(result))
            except Failure as failure:
                log.warning(
                    "A result could not be written.",
                    action="finish",
                    message=_number(claim),
                    why=str(failure),
                )
                await asyncio.sleep(WRITE_RETRY[min(turn, len(WRITE_RETRY) - 1)])
                continue
            if not finished.held:
                log.warning("A result came after its lease.", action="finish", message=_number(claim))
            if finished.report:
                self._owed.owe(claim)
            return

    async def _give_back(self, claim: Claim, site: str, lease: Lease) -> None:
        """A stopping pod: what was not marked returns at once; what was is in doubt and waits."""
        if lease.marked:
            text = "the sending pod was stopped during the transaction"
            result = verdicts.ours(claim, site, text, retry_after=300.0)
            await self._ledger.finish(replace(result, in_doubt=True))
            return
        back = Release(delivery_id=claim.delivery_id, epoch=claim.epoch, site=site, delay=0.0)
        await self._ledger.release(back)


def _number(claim: Claim) -> str:
    return ids.number(claim.message.id)


def _describe(span: Span, claim: Claim, route: Route) -> None:
    span.set_attribute("yubin.message", _number(claim))
    span.set_attribute("yubin.attempt", claim.attempts)
    span.set_attribute("yubin.site", route.site)


def _tell(claim: Claim, route: Route, result: Result) -> None:
    for r in result.recipients:
        ATTEMPTS.labels(r.outcome.value, route.provider).inc()
    worst = max(result.recipients, key=lambda r: (r.outcome is not Outcome.DELIVERED, r.code), default=None)
    log.info(
        "An attempt has ended.",
        action="attempt",
        message=_number(claim),
        delivery=str(claim.delivery_id),
        domain=claim.domain,
        site=route.site,
        peer=result.peer,
        attempt=claim.attempts,
        outcomes=sorted({r.outcome.value for r in result.recipients}),
        reply=f"{worst.code} {worst.enhanced} {worst.text}" if worst else "",
    )
