"""Mail from the world (RFC 5321): whoever comes may write to who is here, and to nobody else.

The policy of this pod's reception. What is wrong is said as early as it is known: at connect, MAIL, RCPT, and behind
the dot what only the letter shows. A letter that is taken is filed (``filing``) before the 250 is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from ipaddress import ip_address

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span

from services.mx import meters
from services.mx.addressing import Addressing, addressees
from services.mx.filing import Filing
from services.mx.letter import Arrived, arrived
from services.mx.post import Filed, Post
from services.mx.quotas import Quotas
from services.mx.rates import Rates
from services.mx.senders import Senders
from yubin.accounts.port import Destination, Identity
from yubin.dns.inward import Network
from yubin.errors import Denied, Failure
from yubin.ids import number, uuid7
from yubin.mail.trace import protocol, received
from yubin.reception.policy import Envelope, Session
from yubin.runtime import faults, tracing
from yubin.sasl.mechanism import Claim
from yubin.smtp.command import Mail, Rcpt

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """``spam_header`` ("Name: beginning") is believed of the networks ``filters``."""

    hostname: str
    size: int
    hops: int = 50
    spam_header: str = ""
    filters: tuple[Network, ...] = ()


@dataclass(kw_only=True, slots=True)
class Notes:
    """Of one transaction: where each accepted recipient's mail goes, the span, and whether a refusal was logged."""

    span: Span
    found: list[Destination] = field(default_factory=list)
    refused: bool = False


@dataclass(frozen=True, kw_only=True)
class Desks:
    """Who is asked, in the order of the conversation. ``senders`` None: every sender is welcome."""

    rates: Rates
    senders: Senders | None
    addressing: Addressing
    quotas: Quotas
    filing: Filing


class Exchange:
    """The mail exchanger."""

    def __init__(self, rules: Rules, desks: Desks, *, clock: Callable[[], float] = time.time) -> None:
        self._rules, self._desks, self._clock = rules, desks, clock

    def size_limit(self, session: Session) -> int:  # noqa: ARG002 - the same for all
        return self._rules.size

    async def connect(self, session: Session) -> None:
        self._desks.rates.arrive(session.peer)

    async def helo(self, session: Session) -> None:
        """What a server calls itself is not judged here."""

    async def authenticate(self, session: Session, claim: Claim) -> Identity:  # noqa: ARG002
        """AUTH is not offered: whoever wants to send goes to submission."""
        raise Denied("Nobody logs in here", code=502, enhanced="5.5.1")

    async def mail(self, session: Session, mail: Mail) -> None:
        """The null sender is always welcome (RFC 5321 4.5.5)."""
        if self._desks.senders is None or mail.reverse_path is None:
            return
        try:
            await self._desks.senders.check(mail.reverse_path)
        except Failure as failure:
            _log_refusal("mail", session, mail, failure)
            raise

    async def rcpt(self, session: Session, envelope: Envelope, rcpt: Rcpt) -> None:
        notes = _notes(envelope)
        with _inside(notes.span):
            try:
                found = await self._desks.addressing.place(rcpt.forward_path, envelope.mail.size or 0)
            except Failure as failure:
                if not notes.refused:  # one line for a transaction, however many it asks for
                    notes.refused = True
                    _log_refusal("rcpt", session, envelope.mail, failure, recipient=str(rcpt.forward_path))
                raise
        notes.found.append(found)

    async def data(self, session: Session, envelope: Envelope, content: bytes) -> str:
        notes = _notes(envelope)
        try:
            with _inside(notes.span):
                post = self._post(session, envelope, content)
                notes.span.set_attribute("yubin.message", number(post.id))
                filed = await self._desks.filing.file(post)
        except Failure as failure:
            meters.LETTERS.labels("failed" if failure.temporary else "refused").inc()
            _log_refusal("data", session, envelope.mail, failure)
            raise
        except BaseException:
            meters.LETTERS.labels("failed").inc()
            raise
        finally:
            notes.span.end()
        self._note(session, post, filed)
        faults.point("mx.before_250")
        return f"Ok: queued as {number(post.id)}"

    def _post(self, session: Session, envelope: Envelope, content: bytes) -> Post:
        letter = arrived(content, hostname=self._rules.hostname, hops=self._rules.hops)
        found = _notes(envelope).found
        for destination in found:  # a size that was not declared at RCPT
            self._desks.addressing.judge(destination, len(content))
        message_id = uuid7()
        to = addressees(list(zip(envelope.rcpts, found, strict=True)))
        return Post(
            id=message_id,
            mail=envelope.mail,
            arrived=letter,
            received=self._received(session, envelope, number(message_id)),
            addressees=to,
            utf8=envelope.mail.utf8 and _needs_utf8(envelope.mail, letter),
            junk=self._junk(session, letter),
        )

    def _received(self, session: Session, envelope: Envelope, shown: str) -> bytes:
        alone = str(envelope.rcpts[0].forward_path) if len(envelope.rcpts) == 1 else None
        return received(
            helo=session.helo,
            address=session.peer,
            host=self._rules.hostname,
            protocol=protocol(esmtp=session.esmtp, tls=bool(session.tls), utf8=envelope.mail.utf8),
            number=shown,
            now=self._clock(),
            recipient=alone,
            tls=session.tls,
        )

    def _junk(self, session: Session, letter: Arrived) -> bool:
        """What a filter of ours says; from anybody else the field means nothing."""
        if not self._rules.spam_header or not letter.says(self._rules.spam_header):
            return False
        return any(ip_address(session.peer) in network for network in self._rules.filters)

    def _note(self, session: Session, post: Post, filed: Filed) -> None:
        meters.LETTERS.labels("kept" if filed.waiting else "stored").inc()
        for account in filed.stored:
            self._desks.quotas.add(account, filed.size)
        log.info(
            "A letter was accepted.",
            action="accept",
            message=number(post.id),
            peer=session.peer,
            sender=post.sender,
            stored=len(filed.stored),
            waiting=filed.waiting,
            onward=filed.onward,
            size=filed.size,
            junk=post.junk,
        )


def _notes(envelope: Envelope) -> Notes:
    if envelope.notes is None:
        envelope.notes = Notes(span=tracing.begin("mx.transaction"))
    notes: Notes = envelope.notes
    return notes


def _inside(span: Span) -> AbstractContextManager[Span]:
    return trace.use_span(span)


def _needs_utf8(mail: Mail, letter: Arrived) -> bool:
    """Of a letter that goes on: many clients ask for SMTPUTF8 always, and few servers of the world have it."""
    sender = mail.reverse_path
    return (sender is not None and sender.utf8) or not letter.header.isascii()


def _log_refusal(stage: str, session: Session, mail: Mail, failure: Failure, **more: str) -> None:
    log.info(
        "A transaction was refused.",
        action="refuse",
        stage=stage,
        peer=session.peer,
        helo=session.helo,
        sender=str(mail.reverse_path or ""),
        reply=str(failure),
        **more,
    )
