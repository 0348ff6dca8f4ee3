"""POST /v1/send: a letter comes in over HTTP, and becomes durable before its tracking number is told.

From must belong to a domain of ours. ``Idempotency-Key`` makes a repeated request the same letter: the id is made of
the key and the day, so that any pod, also after a restart, finds in the ledger what the first request did.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

import structlog

from services.api.bodies import Send, Sent
from services.api.http import Call, Route
from yubin.acceptance.accept import Acceptance, Draft
from yubin.acceptance.refusal import refusal
from yubin.accounts.port import Domain, Recipients
from yubin.errors import Denied, Exhausted, Invalid, NotFound, TooBig
from yubin.ids import number, uuid7
from yubin.mail.compose import Mailbox, Texts, checked, compose
from yubin.mail.header import mailboxes, scan
from yubin.mail.message import Complete, complete
from yubin.mail.trace import received
from yubin.queue.port import Ledger, NewRecipient, Origin
from yubin.smtp import lines

log = structlog.get_logger()
THREAD_ABOVE = 256 * 1024
KEY_LENGTH = 200
SHOWN = 10  # refused recipients that are named
_LINE_END = re.compile(rb"\r\n?|\n")


class Domains(Protocol):
    """``yubin.accounts.port.Administration`` is one."""

    async def get_domain(self, name: str) -> Domain: ...


@dataclass(frozen=True, kw_only=True)
class Rules:
    hostname: str
    size: int
    recipients: int


class Letters:
    def __init__(
        self,
        *,
        rules: Rules,
        domains: Domains,
        ledger: Ledger,
        acceptance: Acceptance,
        recipients: Recipients,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules, self._domains, self._ledger = rules, domains, ledger
        self._acceptance, self._directory, self._clock = acceptance, recipients, clock

    def routes(self) -> list[Route]:
        return [Route(method="POST", path="/v1/send", handler=self.send, body=Send, answer=Sent, status=202)]

    async def send(self, call: Call) -> Sent:
        """Send a letter. It is durable when the answer comes, and can be followed by its tracking number.

        With the header field Idempotency-Key a repeated request is the same letter, for a day at least.
        """
        request: Send = call.body
        sender = Mailbox.parse(request.sender, "from")
        tenant = await self._tenant(sender.address.domain)
        earlier, message_id = await self._identity(tenant, call.headers.get("idempotency-key", ""))
        to, cc, bcc = (_mailboxes(getattr(request, name), name) for name in ("to", "cc", "bcc"))
        recipients = self._recipients([*to, *cc, *bcc], request.notify)
        if earlier is not None:
            return Sent(number=number(earlier), message_id="", recipients=len(recipients))
        await self._reachable(recipients)
        raw = await self._raw(request, sender, to, cc, message_id)
        letter = complete(
            raw,
            now=self._clock(),
            number=number(message_id),
            domain=sender.address.domain,
            sender=str(sender.address),
        )
        signer = await self._authors(letter, tenant) if request.raw is not None else sender.address.domain
        await self._acceptance.accept(
            self._draft(request, tenant, message_id, sender, recipients, letter, signer)
        )
        log.info(
            "A letter was accepted.",
            action="accept",
            message=number(message_id),
            tenant=tenant,
            sender=str(sender.address),
            recipients=len(recipients),
            size=letter.size,
        )
        return Sent(number=number(message_id), message_id=letter.message_id, recipients=len(recipients))

    async def _tenant(self, domain: str) -> str:
        try:
            return (await self._domains.get_domain(domain)).tenant
        except NotFound as e:
            raise Denied(f"{domain} is not a domain of this system: add it, or send as another") from e

    async def _authors(self, letter: Complete, tenant: str) -> str:
        """The From of a letter that came whole: of domains of the same tenant; the first one signs (CASES F5)."""
        field = scan(letter.header).first("from")
        specs = mailboxes(field.value) if field else []
        if not specs:
            raise Invalid("raw: the letter has no From", enhanced="5.6.0")
        domains = list(dict.fromkeys(Mailbox.parse(spec, "raw: From").address.domain for spec in specs))
        for domain in domains[:10]:
            if await self._tenant(domain) != tenant:
                raise Denied(f"{domain} belongs to another tenant than the sender")
        if len(domains) > 10:
            raise Invalid("raw: From names more than 10 domains", enhanced="5.6.0")
        return domains[0]

    async def _identity(self, tenant: str, key: str) -> tuple[UUID | None, UUID]:
        """The id of the letter that an earlier request made, if any, and the one for this."""
        if not key:
            return None, uuid7(self._clock())
        if len(key) > KEY_LENGTH:
            raise Invalid(f"Idempotency-Key is longer than {KEY_LENGTH} characters")
        today = datetime.fromtimestamp(self._clock(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        entropy = sha256(f"{tenant}\0{key}".encode()).digest()[:10]
        ids = [uuid7(today.timestamp() - days * 86400, entropy) for days in (0, 1)]
        known = await self._ledger.known(ids)
        return next((i for i in ids if i in known), None), ids[0]

    def _recipients(self, boxes: list[Mailbox], notify: list[str]) -> tuple[NewRecipient, ...]:
        if not boxes:
            raise Invalid("to: name at least one recipient")
        if len(boxes) > self._rules.recipients:
            raise Exhausted(f"more than {self._rules.recipients} recipients")
        wishes = frozenset(wish.upper() for wish in notify)
        if "NEVER" in wishes and len(wishes) > 1:  # RFC 3461 4.1
            raise Invalid("notify: never stands alone")
        return tuple(NewRecipient(address=str(box.address), notify=wishes) for box in boxes)

    async def _reachable(self, recipients: tuple[NewRecipient, ...]) -> None:
        """Raises Invalid that names who takes no mail here; nobody gets the letter then."""
        destinations = await self._directory.lookup([recipient.address for recipient in recipients])
        refused = [
            (recipient.address, failure)
            for recipient, destination in zip(recipients, destinations, strict=True)
            if (failure := refusal(destination)) is not None
        ]
        if refused:
            shown = "; ".join(f"{address}: {failure.text}" for address, failure in refused[:SHOWN])
            more = f"; and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
            first = refused[0][1]
            raise Invalid(shown + more, code=first.code, enhanced=first.enhanced)

    async def _raw(
        self, request: Send, sender: Mailbox, to: list[Mailbox], cc: list[Mailbox], message_id: UUID
    ) -> bytes:
        """The letter with CRLF line ends of at most 998 octets each."""
        if request.raw is not None:
            given = (request.subject, request.text, request.html, request.headers, request.reply_to)
            if any(given):
                raise Invalid("raw: give a whole letter or its parts, not both")
            raw = await _beside(len(request.raw), _normalized, request.raw)
        else:
            texts = Texts(
                sender=sender,
                to=to,
                cc=cc,
                reply_to=_mailboxes(request.reply_to, "reply_to"),
                subject=checked("subject", request.subject),
                text=request.text,
                html=request.html,
                headers=request.headers,
            )
            size = len(request.text or "") + len(request.html or "")
            raw = await _beside(size, lambda: compose(texts, boundary=f"=_yubin_{number(message_id)}"))
        if len(raw) > self._rules.size:
            raise TooBig(f"the letter is larger than {self._rules.size} octets")
        return raw

    def _draft(
        self,
        request: Send,
        tenant: str,
        message_id: UUID,
        sender: Mailbox,
        recipients: tuple[NewRecipient, ...],
        letter: Complete,
        signer: str,
    ) -> Draft:
        addresses = (str(sender.address), *(r.address for r in recipients))
        seven_bit = letter.header.isascii() and bytes(letter.body).isascii()
        return Draft(
            id=message_id,
            tenant=tenant,
            account=None,
            origin=Origin.API,
            sender=str(sender.address),
            recipients=recipients,
            letter=letter,
            trace=received(
                helo="",
                address=None,
                host=self._rules.hostname,
                protocol="HTTP",
                number=number(message_id),
                now=self._clock(),
            ),
            signed_for=signer,
            body_type="7BIT" if seven_bit else "8BITMIME",
            utf8=not letter.header.isascii() or not all(address.isascii() for address in addresses),
            klass=request.klass,
        )


def _mailboxes(texts: list[str], what: str) -> list[Mailbox]:
    return [Mailbox.parse(text, f"{what}[{n}]") for n, text in enumerate(texts)]


def _normalized(raw: bytes) -> bytes:
    """Any line end becomes CRLF (CASES E3); lines above 998 octets are folded."""
    if lines.bare(raw):
        raw = _LINE_END.sub(b"\r\n", raw)
    return lines.folded(raw) if lines.long(raw) else raw


async def _beside(size: int, work: Callable[..., bytes], *args: bytes) -> bytes:
    """On a thread when it is much work, so that others need not wait."""
    return await asyncio.to_thread(work, *args) if size > THREAD_ABOVE else work(*args)
