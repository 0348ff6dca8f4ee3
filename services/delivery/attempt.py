"""One attempt of one claim: over the route's hosts until the recipients have their answers.

A kept session to one of the route's addresses is used first; if the peer had closed it meanwhile a new one is opened,
at no cost. Then the addresses are tried in order: at most five, at most two that greeted us, at most fifteen minutes.
A host that refuses to talk, says 421 or is lost before DATA leads to the next one; any other reply is the answer
(a greylisting 451 defers, since the next host would say the same). RCPTs refused with 452 beside an accepted one go in
another transaction of the same session. Whatever is our own fault is a deferral that costs no attempt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import structlog
from opentelemetry.trace import SpanKind

from services.delivery import fit, meters
from services.delivery.connections import Connections, Site
from services.delivery.fit import Content
from services.delivery.outcome import Tally
from services.delivery.session import LEASE_FLOOR, Session
from services.delivery.terms import OurTrouble, Peer, Permit, SessionFailed
from yubin import ids
from yubin.dns.port import Route
from yubin.queue.port import Claim, Pending, Result
from yubin.runtime import tracing
from yubin.smtp.data import CHUNK
from yubin.smtp.envelope import Envelope, Recipient
from yubin.smtp.sevenbit import convert
from yubin.smtp.stage import Stage, Transaction

__all__ = ["Attempt", "AttemptLimits", "Content"]

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class AttemptLimits:
    """``total`` and ``place`` (the wait for a free connection) in seconds; ``per_host`` where there are several."""

    total: float = 900.0
    place: float = 30.0
    addresses: int = 5
    per_host: int = 3
    sessions: int = 2


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one call of ``deliver`` is about."""

    claim: Claim
    content: Content
    route: Route
    permit: Permit
    tally: Tally
    needs: fit.Needs


class Attempt:
    """Constructed once per pod. ``clock`` is monotonic."""

    def __init__(
        self, connections: Connections, *, limits: AttemptLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connections = connections
        self._clock = clock
        self._limits = limits

    async def deliver(
        self,
        claim: Claim,
        content: Content,
        route: Route,
        *,
        mark: Callable[[], Awaitable[bool]],
        lease_left: Callable[[], float],
    ) -> Result:
        """The outcome of every recipient.

        ``mark`` is called with MAIL FROM and awaited before the final dot, which is not sent unless it says True;
        ``lease_left`` in seconds, asked before DATA and before the dot. Never raises for what a peer does.
        """
        permit = Permit(mark=mark, lease_left=lease_left, until=self._clock() + self._limits.total)
        tally, needs = Tally(claim), fit.needs(claim.message, content)
        job = Job(claim=claim, content=content, route=route, permit=permit, tally=tally, needs=needs)
        if refusal := fit.malformed_sender(claim.message.sender):
            tally.note(*refusal)
            return tally.result(route.site)
        try:
            wait = min(self._limits.place, lease_left() - LEASE_FLOOR)
            async with self._connections.place(route.site, wait) as site:
                await self._try_hosts(job, site)
        except OurTrouble as trouble:
            log.warning("An attempt was given up.", action="attempt", message=_number(job), why=trouble.text)
            tally.ours(trouble.text, trouble.retry_after)
        return tally.result(route.site)

    async def _try_hosts(self, job: Job, site: Site) -> None:
        addresses = frozenset(address for host in job.route.hosts for address in host.addresses)
        kept = self._connections.kept(site, addresses, verified=job.needs.requiretls)
        if kept is not None:
            meters.REUSED.labels(job.route.provider).inc()
            if await self._use(job, site, kept):
                return
        for peer in self._peers(job.route):
            if job.tally.sessions >= self._limits.sessions or self._clock() >= job.permit.until:
                return
            job.tally.peer = str(peer)
            try:
                verified = job.needs.requiretls
                session = await self._connections.open(site, peer, verified=verified, until=job.permit.until)
            except SessionFailed as failed:
                job.tally.sessions += _greeted(failed)
                job.tally.broken(failed)
                site.cut()
                continue
            if await self._use(job, site, session):
                return

    def _peers(self, route: Route) -> Iterator[Peer]:
        share = self._limits.per_host if len(route.hosts) > 1 else self._limits.addresses
        every = (
            Peer(name=host.name, address=address, port=self._connections.port, provider=route.provider)
            for host in route.hosts
            for address in host.addresses[:share]
        )
        return islice(every, self._limits.addresses)

    async def _use(self, job: Job, site: Site, session: Session) -> bool:
        """True when the attempt is over; False when the next host may be asked."""
        reused = session.letters > 0
        job.tally.peer = str(session.peer)
        job.tally.sessions += 1
        try:
            over = await self._converse(job, session)
            site.open_wider()
            return over
        except SessionFailed as failed:
            if reused and _stale(session, failed):
                meters.STALE.inc()
                job.tally.sessions -= 1
                return False
            job.tally.broken(failed)
            site.cut()
            if job.tally.in_doubt:
                meters.DOUBTS.labels(job.route.provider).inc()
            return not job.tally.todo
        finally:
            self._connections.keep(site, session)

    async def _converse(self, job: Job, session: Session) -> bool:
        """Transactions until everybody has an answer."""
        tally = job.tally
        if not _fits(job, session):
            return False
        body = await _body(job, session) if tally.todo else b""
        while tally.todo:
            batch = tally.begin(session.client.peer.recipients)  # RFC 9422 RCPTMAX
            transaction = await self._transact(job, session, _envelope(job, batch, len(body)), body)
            if not tally.settle(transaction, dsn=session.client.peer.dsn):
                return True
        return True

    async def _transact(self, job: Job, session: Session, envelope: Envelope, body: bytes) -> Transaction:
        attributes: dict[str, str | int] = {
            "net.peer.name": session.peer.name,
            "net.peer.ip": session.peer.address,
            "yubin.message": _number(job),
            "smtp.recipients": len(envelope.recipients),
            "tls.protocol.version": session.tls.version if session.tls else "",
            "tls.cipher": session.tls.cipher if session.tls else "",
        }
        with tracing.span("smtp.transaction", SpanKind.CLIENT, attributes) as span:
            transaction = await session.transact(envelope, body, job.permit)
            if transaction.final is not None:
                span.set_attribute("smtp.reply", transaction.final.code)
        _count(transaction)
        return transaction


def _fits(job: Job, session: Session) -> bool:
    """Ends the recipients that this peer cannot serve; False when another host may do better."""
    peer, host, tally = session.client.peer, str(session.peer), job.tally
    verified = session.tls is not None and session.tls.verified
    if refusal := fit.insecure(job.needs, peer, verified=verified, host=host):
        tally.note(*refusal)
        return False
    whole = fit.letter_refused(job.needs, peer, host)
    for recipient in list(tally.todo):
        if refusal := whole or fit.recipient_refused(recipient.address, peer, host):
            tally.end(recipient, *refusal)
    return True


async def _body(job: Job, session: Session) -> bytes:
    """The letter as this peer can take it; when there is no such form its recipients end with 5.6.3 (RFC 6152 3)."""
    body = job.content.body
    if session.client.peer.eight_bit or not job.needs.eight_bit:
        return body
    # off the event loop where it would be held for more than a moment
    converted = await asyncio.to_thread(convert, body) if len(body) > CHUNK else convert(body)
    if converted is None:
        for recipient in list(job.tally.todo):
            job.tally.end(recipient, *fit.inconvertible(str(session.peer)))
    return converted or b""


def _envelope(job: Job, batch: tuple[Pending, ...], size: int) -> Envelope:
    message = job.claim.message
    return Envelope(
        sender=message.sender,
        recipients=tuple(Recipient(address=r.address, notify=r.notify, orcpt=r.orcpt) for r in batch),
        size=size,
        eight_bit=job.needs.eight_bit,
        utf8=job.needs.utf8 or not all(r.address.isascii() for r in batch),
        requiretls=message.requiretls,
        ret=message.ret,
        envid=message.envid,
    )


def _count(transaction: Transaction) -> None:
    if transaction.mail is not None:
        meters.replied(Stage.MAIL, transaction.mail.digit)
    for reply in transaction.recipients:
        meters.replied(Stage.RCPT, reply.digit)
    if transaction.final is not None:
        meters.replied(Stage.DOT if transaction.dot_sent else Stage.DATA, transaction.final.digit)


def _greeted(failed: SessionFailed) -> bool:
    return failed.stage is not Stage.CONNECT and (
        failed.stage is not Stage.BANNER or failed.reply is not None
    )


def _stale(session: Session, failed: SessionFailed) -> bool:
    """The peer had closed a kept connection, or says now that it does: nothing of this letter was heard (CASES C17)."""
    if failed.reply is not None:
        return failed.reply.code == 421 and failed.stage in {Stage.IDLE, Stage.RSET, Stage.MAIL}
    return failed.silent and session.connection.lost is not None


def _number(job: Job) -> str:
    return ids.number(job.claim.message.id)
