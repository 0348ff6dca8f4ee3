"""What the tests of outbound SMTP share: a claim, a route to sinks, and one attempt with times short enough to wait for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.delivery.attempt import Attempt, AttemptLimits, Content
from services.delivery.connections import Connections
from services.delivery.terms import Timeouts
from yubin.dns.port import Host, Route, Verdict
from yubin.ids import uuid7
from yubin.queue.port import Claim, Message, Origin, Outcome, Pending, RecipientResult, Result

BODY = (
    b"From: a@ours.test\r\nTo: b@theirs.test\r\nSubject: hello\r\nMessage-ID: <1@ours.test>\r\n\r\nHello\r\n"
)
QUICK = Timeouts(
    connect=2.0,
    banner=2.0,
    ehlo=2.0,
    tls=2.0,
    mail=2.0,
    rcpt=2.0,
    data=2.0,
    body=2.0,
    dot=2.0,
    rset=2.0,
    mark=2.0,
)


def quick(**changes: float) -> Timeouts:
    return dataclasses.replace(QUICK, **changes)


def message(**changes) -> Message:
    whole = {"sender": "a@ours.test", "size": len(BODY), **changes}
    return Message(id=uuid7(), tenant="t", account="a", origin=Origin.SUBMISSION, sha256=b"", **whole)


def claim(*recipients: str | Pending, **changes) -> Claim:
    people = recipients or ("b@theirs.test",)
    pending = tuple(
        r if isinstance(r, Pending) else Pending(n=n, address=r, orcpt=None, notify=frozenset())
        for n, r in enumerate(people)
    )
    return Claim(
        delivery_id=uuid7(),
        epoch=1,
        message=message(**changes),
        body=None,
        domain="theirs.test",
        site="theirs.test",
        attempts=1,
        crashes=0,
        in_doubt=False,
        recipients=pending,
        now=0.0,
        due=300.0,
        expires=432000.0,
    )


def content(body: bytes = BODY, *, utf8: bool = False) -> Content:
    return Content(body=body, body_type="8BITMIME", utf8=utf8, size=len(body))


def route(*addresses: Sequence[str]) -> Route:
    """One host for each sequence of addresses, in order of preference."""
    hosts = tuple(
        Host(name=f"mx{n}.theirs.test", preference=n * 10, addresses=tuple(each))
        for n, each in enumerate(addresses or (["127.0.0.1"],))
    )
    return Route(
        domain="theirs.test",
        verdict=Verdict.OK,
        site="theirs.test",
        provider="other",
        hosts=hosts,
        reason="",
        valid_for=60.0,
    )


@dataclass
class Outbound:
    """One pod's attempts, to sinks at one port; ``marks`` counts in-doubt marks, ``granted`` is what they answer."""

    connections: Connections
    attempt: Attempt
    granted: bool = True
    lease: float = 60.0
    marks: int = 0
    results: list[Result] = field(default_factory=list)

    async def mark(self) -> bool:
        self.marks += 1
        return self.granted

    async def deliver(
        self, letter: Claim | None = None, what: Content | None = None, way: Route | None = None
    ):
        result = await self.attempt.deliver(
            letter or claim(),
            what or content(),
            way or route(),
            mark=self.mark,
            lease_left=lambda: self.lease,
        )
        self.results.append(result)
        return result


@asynccontextmanager
async def outbound(port: int, *, timeouts: Timeouts = QUICK, limits: AttemptLimits | None = None, **options):
    connections = Connections(hostname="out.ours.test", port=port, timeouts=timeouts, **options)
    try:
        yield Outbound(connections, Attempt(connections, limits=limits or AttemptLimits()))
    finally:
        await connections.close()


def only(result: Result) -> RecipientResult:
    """The outcome of a letter with one recipient."""
    (recipient,) = result.recipients
    return recipient


def outcomes(result: Result) -> list[tuple[Outcome, int]]:
    return [(r.outcome, r.code) for r in result.recipients]
