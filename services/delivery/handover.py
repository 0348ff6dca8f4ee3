"""Local recipients: the letter is handed to the mailbox pod, over no SMTP.

    recipient's address ──directory──▶ accounts ──Deliver──▶ delivered
                                       unknown, moved, disabled ▶ bounced (what mx could not place: quarantined)
                                       no longer ours ▶ again in a moment, by whatever the router says then
                                       elsewhere (an alias changed since) ▶ a letter of its own in the ledger

Deliver is idempotent by (account, delivery id), so there is nothing to be in doubt about: an attempt that was cut off
is simply made again. A letter that ``mx`` accepted (class ``inbound``) is never refused, never expires with a report to
somebody who may be forged, and never leaves by SMTP: what fails for good is quarantined for the operator (DESIGN 4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Protocol
from uuid import UUID, uuid5

from services.delivery import verdicts
from services.delivery.inside import SITE
from yubin.accounts.port import Destination, Kind, Recipients
from yubin.errors import Failure
from yubin.mailboxes.deliveries import Copy, Deliveries, Inbound, object_name
from yubin.mailboxes.port import ROW_LIMIT, Delivered
from yubin.objects.port import Objects
from yubin.queue.port import (
    Claim,
    Letter,
    NewDelivery,
    NewRecipient,
    Outcome,
    Pending,
    RecipientResult,
    Result,
    body_name,
)
from yubin.queue.rules import INBOUND
from yubin.runtime import faults, tracing

RETRY = 10.0  # seconds, when directory or mailbox is away
PEER = "mailbox"
_REFUSED = {
    Kind.UNKNOWN: (550, "5.1.1", "there is no such mailbox"),
    Kind.DISABLED: (550, "5.2.1", "the mailbox is disabled"),
}


class Queue(Protocol):
    """``yubin.queue.group.Grouped`` is one."""

    async def accept(self, letter: Letter) -> None: ...


class Handover:
    def __init__(
        self, *, recipients: Recipients, deliveries: Deliveries, objects: Objects, ledger: Queue
    ) -> None:
        self._recipients, self._deliveries = recipients, deliveries
        self._objects, self._ledger = objects, ledger

    async def deliver(self, claim: Claim) -> Result:
        """One attempt for every pending recipient; never raises a Failure."""
        try:
            found = await self._recipients.lookup([r.address for r in claim.recipients])
            placed = await self._place(claim, found)
            await self._forward(claim, found)
        except Failure as failure:
            return verdicts.ours(claim, SITE, failure.text, retry_after=RETRY)
        each = tuple(
            _outcome(claim, pending, destination, placed)
            for pending, destination in zip(claim.recipients, found, strict=True)
        )
        waits = any(r.outcome is Outcome.PENDING for r in each)
        return Result(
            delivery_id=claim.delivery_id,
            epoch=claim.epoch,
            site=SITE,
            recipients=each,
            peer=PEER,
            counted=not waits,
            retry_after=RETRY if waits else None,
        )

    async def _place(self, claim: Claim, found: Sequence[Destination]) -> dict[str, Delivered | Failure]:
        """What became of each account's copy; an account that is named twice gets one."""
        accounts = list(dict.fromkeys(account.id for one in found for account in one.accounts))
        if not accounts:
            return {}
        letter = await self._letter(claim, accounts)
        faults.point("delivery.before_handover")
        with tracing.span("mailbox.handover"):
            answers = await self._deliveries.deliver(letter)
        faults.point("delivery.after_handover")
        return dict(zip(accounts, answers, strict=True))

    async def _letter(self, claim: Claim, accounts: Sequence[str]) -> Inbound:
        """As it will be kept, with Return-Path (RFC 5321 4.4); mx has written that into its own letters.

        The name of its bytes is new also where mx has stored other copies: their readers may have deleted them, and the
        mailbox' sweep would take the bytes away between our PUT and Deliver.
        """
        stored = await self._body(claim)
        inbound = claim.message.klass.startswith(INBOUND)
        body = stored if inbound else _return_path(claim.message.sender) + stored
        letter_id = uuid5(claim.delivery_id, "letter")
        name = ""
        if len(body) > ROW_LIMIT:
            name = object_name(letter_id)
            await self._objects.put(name, body)
        digest = await asyncio.to_thread(sha256, body) if name else sha256(body)
        junk = claim.message.klass.endswith("junk")
        return Inbound(
            letter_id=letter_id,
            body=None if name else body,
            object=name,
            size=len(body),
            sha256=digest.digest(),
            copies=tuple(Copy(account=a, delivery_id=claim.delivery_id, junk=junk) for a in accounts),
            traceparent=tracing.traceparent(),
        )

    async def _body(self, claim: Claim) -> bytes:
        return claim.body if claim.body is not None else await self._objects.get(body_name(claim.message.id))

    async def _forward(self, claim: Claim, found: Sequence[Destination]) -> None:
        """An alias that leads elsewhere since the letter was accepted; its id makes it happen once in the ledger."""
        for address in dict.fromkeys(address for one in found for address in one.remote):
            await self._ledger.accept(
                await self._forwarded(claim, uuid5(claim.delivery_id, address), address)
            )

    async def _forwarded(self, claim: Claim, letter_id: UUID, address: str) -> Letter:
        body = await self._body(claim)
        if len(body) > ROW_LIMIT:
            await self._objects.put(body_name(letter_id), body)
        message = replace(
            claim.message,
            id=letter_id,
            size=len(body),
            klass="interactive",
            expires_in=max(3600.0, claim.expires - claim.now),
            traceparent=tracing.traceparent(),
        )
        delivery = NewDelivery(
            id=uuid5(letter_id, "delivery"),
            domain=address.rpartition("@")[2],
            recipients=(NewRecipient(address=address),),
        )
        return Letter(message=message, body=body if len(body) <= ROW_LIMIT else None, deliveries=(delivery,))


def kept(claim: Claim, result: Result) -> Result:
    """Of a letter that mx accepted nobody is told that it failed: it is quarantined, for the operator to decide."""
    if not claim.message.klass.startswith(INBOUND):
        return result
    each = tuple(
        replace(r, outcome=Outcome.PENDING) if r.outcome is Outcome.BOUNCED else r for r in result.recipients
    )
    return replace(result, recipients=each, quarantine=each != result.recipients)


def stranded(claim: Claim, site: str) -> Result | None:
    """A letter that mx accepted for a domain that is not ours any more; None for every other."""
    if not claim.message.klass.startswith(INBOUND):
        return None
    return verdicts.whole(claim, site, Outcome.BOUNCED, 550, "5.1.2", "the domain is no longer served here")


def _return_path(sender: str) -> bytes:
    return f"Return-Path: <{sender}>\r\n".encode()


def _outcome(
    claim: Claim, pending: Pending, found: Destination, placed: dict[str, Delivered | Failure]
) -> RecipientResult:
    if found.kind is Kind.LOCAL:
        return _stored(pending, [placed[account.id] for account in found.accounts])
    if found.kind is Kind.NOT_LOCAL:
        return _result(pending, Outcome.PENDING, 451, "4.3.0", f"{claim.domain} is no longer served here")
    if found.kind is Kind.MOVED:  # RFC 5321 3.4
        return _result(pending, Outcome.BOUNCED, 551, "5.1.6", f"moved; try <{found.moved_to}>")
    return _result(pending, Outcome.BOUNCED, *_REFUSED[found.kind])


def _stored(pending: Pending, answers: Sequence[Delivered | Failure]) -> RecipientResult:
    for answer in answers:
        if isinstance(answer, Failure):  # Deliver has no permanent refusal (DESIGN 4)
            return _result(pending, Outcome.PENDING, 451, "4.3.0", answer.text)
    return _result(pending, Outcome.DELIVERED, 250, "2.0.0", "stored")


def _result(pending: Pending, outcome: Outcome, code: int, enhanced: str, text: str) -> RecipientResult:
    return RecipientResult(n=pending.n, outcome=outcome, code=code, enhanced=enhanced, text=text)
