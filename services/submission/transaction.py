"""Message submission (RFC 6409): whoever has logged in may send as the addresses of the account, and nobody else may.

The policy of this pod's reception. A letter is folded where a line is too long, checked, completed (Message-ID, Date,
Received with the tracking number), and handed to the gate that makes it durable.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from services.submission.allowance import Allowance
from services.submission.authors import author_domain, own
from yubin.acceptance.accept import Acceptance, Draft
from yubin.acceptance.refusal import refusal
from yubin.acceptance.unwind import Unwinding
from yubin.accounts.exchange import ask
from yubin.accounts.port import Authenticator, Identity, Recipients
from yubin.errors import Denied, Exhausted, Invalid, Unavailable
from yubin.ids import number, uuid7
from yubin.mail.address import Address
from yubin.mail.header import Headers, scan
from yubin.mail.message import complete
from yubin.mail.trace import protocol, received
from yubin.queue.port import NewRecipient, Origin
from yubin.reception.policy import Envelope, Session
from yubin.runtime import faults, tracing
from yubin.sasl.mechanism import Claim, Proven
from yubin.smtp import lines
from yubin.smtp.command import Mail, Rcpt

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Rules:
    hostname: str
    size: int
    hops: int = 100
    dkim: bool = True
    hide_client: bool = False


class Submission:
    def __init__(
        self,
        *,
        rules: Rules,
        authenticator: Authenticator,
        acceptance: Acceptance,
        allowance: Allowance,
        unwinding: Unwinding,
        recipients: Recipients,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules, self._authenticator, self._acceptance = rules, authenticator, acceptance
        self._allowance, self._unwinding, self._recipients = allowance, unwinding, recipients
        self._clock = clock

    def size_limit(self, session: Session) -> int:
        own_limit = session.identity.limits.message_size if session.identity else 0
        return min(own_limit, self._rules.size) if own_limit else self._rules.size

    async def connect(self, session: Session) -> None:
        """Everybody may come."""

    async def helo(self, session: Session) -> None:
        """Mail programs call themselves what they like (RFC 6409 says nothing of it)."""

    async def authenticate(self, session: Session, claim: Claim) -> Any:
        answer = await ask(self._authenticator, claim, peer=session.peer, service="submission")
        identity = answer.who if isinstance(answer, Proven) else answer
        if isinstance(identity, Identity):
            log.info("A client logged in.", action="login", account=identity.account, peer=session.peer)
        return answer

    async def mail(self, session: Session, mail: Mail) -> None:
        identity = _identity(session)
        if mail.reverse_path is None:  # CASES F5: a bounce is not something a person submits
            raise Denied("The null sender may not be submitted", code=553)
        own(identity, mail.reverse_path, "The sender")
        self._allowance.check(identity.account, identity.limits.per_hour, 1)

    async def rcpt(self, session: Session, envelope: Envelope, rcpt: Rcpt) -> None:
        """Anybody may be written to, but who is not there; and how many is limited."""
        identity = _identity(session)
        count = len(envelope.rcpts) + 1
        if identity.limits.recipients and count > identity.limits.recipients:
            raise Exhausted("Too many recipients for your account")
        self._allowance.check(identity.account, identity.limits.per_hour, count)
        (destination,) = await self._recipients.lookup([str(rcpt.forward_path)])
        refused = refusal(destination)
        if refused is not None:
            raise refused

    async def data(self, session: Session, envelope: Envelope, content: bytes) -> str:
        message_id = uuid7()
        shown = number(message_id)
        with tracing.span("submission.transaction") as span:
            span.set_attribute("yubin.message", shown)
            draft = self._draft(session, envelope, content, message_id, shown)
            await self._accept(draft)
        identity = _identity(session)
        self._allowance.spend(identity.account, identity.limits.per_hour, len(envelope.rcpts))
        log.info(
            "A letter was accepted.",
            action="accept",
            message=shown,
            tenant=identity.tenant,
            account=identity.account,
            sender=draft.sender,
            recipients=len(draft.recipients),
            size=draft.letter.size,
        )
        faults.point("submission.before_250")
        return f"Ok: queued as {shown}"

    async def _accept(self, draft: Draft) -> None:
        """Durable on return; what is not in time is undone (CASES A12)."""
        try:
            await self._acceptance.accept(draft)
        except asyncio.CancelledError:
            self._unwinding.begin(draft.id)
            raise
        except Unavailable as failure:
            if failure.enhanced == "4.4.5":
                self._unwinding.begin(draft.id)
            raise

    def _draft(
        self, session: Session, envelope: Envelope, content: bytes, message_id: UUID, shown: str
    ) -> Draft:
        identity, mail = _identity(session), envelope.mail
        sender = mail.reverse_path
        if sender is None:
            raise Denied("The null sender may not be submitted", code=553)
        if lines.long(content):
            content = lines.folded(content)
        headers = scan(content)
        self._no_loop(headers)
        signer = author_domain(headers, identity, sender)
        now = self._clock()
        letter = complete(
            content,
            now=now,
            number=shown,
            domain=sender.domain,
            sender=str(sender),
            headers=headers,
        )
        utf8 = mail.utf8 and _needs_utf8(sender, envelope, letter.header)
        return Draft(
            id=message_id,
            tenant=identity.tenant,
            account=identity.account,
            origin=Origin.SUBMISSION,
            sender=str(sender),
            recipients=tuple(_recipient(rcpt) for rcpt in envelope.rcpts),
            letter=letter,
            trace=self._received(session, utf8=utf8, shown=shown, now=now),
            signed_for=signer if self._rules.dkim else "",
            body_type="7BIT" if content.isascii() else "8BITMIME",
            utf8=utf8,
            envid=mail.envid,
            ret=mail.ret,
        )

    def _no_loop(self, headers: Headers) -> None:
        if len(headers.all("received")) > self._rules.hops:  # RFC 5321 6.3
            raise Invalid("Too many hops", code=554, enhanced="5.4.6")

    def _received(self, session: Session, *, utf8: bool, shown: str, now: float) -> bytes:
        return received(
            helo=session.helo,
            address=None if self._rules.hide_client else session.peer,
            host=self._rules.hostname,
            protocol=protocol(esmtp=session.esmtp, tls=bool(session.tls), auth=True, utf8=utf8),
            number=shown,
            now=now,
            tls=session.tls,
        )


def _identity(session: Session) -> Identity:
    if session.identity is None:  # RFC 4954 6
        raise Denied("Authentication required", code=530, enhanced="5.7.0")
    return session.identity


def _needs_utf8(sender: Address, envelope: Envelope, header: bytes) -> bool:
    """SMTPUTF8 was asked for; is it needed? Many clients ask always, and few servers of the world have it."""
    return sender.utf8 or any(rcpt.forward_path.utf8 for rcpt in envelope.rcpts) or not header.isascii()


def _recipient(rcpt: Rcpt) -> NewRecipient:
    return NewRecipient(address=str(rcpt.forward_path), orcpt=rcpt.orcpt, notify=rcpt.notify)
