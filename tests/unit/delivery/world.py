"""A delivery pod in memory: real inlets, worker and leases; the ledger's fake; a scripted attempt and resolver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from services.delivery import verdicts
from services.delivery.handover import Handover
from services.delivery.inlets import Inlets
from services.delivery.leases import Leases
from services.delivery.reports import Reports
from services.delivery.slots import Slots
from services.delivery.worker import Worker
from yubin.accounts.port import Destination, Kind, LocalAccount
from yubin.dispatch.memory import MemoryDispatch
from yubin.dispatch.port import Job, Lane
from yubin.dns.port import Host, Route, Verdict
from yubin.errors import Unavailable
from yubin.ids import uuid7
from yubin.mailboxes.deliveries import Inbound
from yubin.mailboxes.port import Delivered
from yubin.objects.memory import MemoryObjects
from yubin.queue.group import Grouped
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import Letter, Message, NewDelivery, NewRecipient, Origin, Outcome, Terms

BODY = b"From: a@demo.example\r\nSubject: hi\r\nMessage-ID: <1@demo.example>\r\n\r\nhello\r\n"


class Clock:
    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Router:
    """Everything is on one site, unless ``routes`` says otherwise."""

    routes: dict[str, Route] = field(default_factory=dict)
    away: bool = False

    async def route(self, domain: str) -> Route:
        if self.away:
            raise Unavailable("the resolver is away")
        return self.routes.get(domain) or ok(domain)


def ok(domain: str, site: str = "site") -> Route:
    host = Host(name=f"mx.{domain}", preference=10, addresses=("192.0.2.1",))
    return Route(
        domain=domain,
        verdict=Verdict.OK,
        site=site,
        provider="other",
        hosts=(host,),
        reason="",
        valid_for=60.0,
    )


def nowhere(domain: str, verdict: Verdict) -> Route:
    return Route(
        domain=domain, verdict=verdict, site=domain, provider="other", hosts=(), reason="no", valid_for=60.0
    )


class Attempts:
    """Stands for SMTP: asks for the mark like the real one, then answers ``outcome`` for every recipient."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.outcome = (Outcome.DELIVERED, 250, "2.0.0", "ok")
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None
        self.now = 0
        self.most = 0

    async def deliver(self, claim, content, route, *, mark, lease_left):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self.error:
                raise self.error
            assert await mark()
            assert lease_left() > 10
            if self.gate:
                await self.gate.wait()
            self.seen += [r.address for r in claim.recipients]
            return verdicts.whole(claim, route.site, *self.outcome)
        finally:
            self.now -= 1


@dataclass
class People:
    """The directory: who is not named is not ours."""

    found: dict[str, Destination] = field(default_factory=dict)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def lookup(self, addresses):
        if self.away:
            raise Unavailable("the directory is away")
        self.asked += addresses
        return tuple(self.found.get(a) or Destination(kind=Kind.NOT_LOCAL) for a in addresses)


def person(*ids: str, remote: tuple[str, ...] = ()) -> Destination:
    accounts = tuple(LocalAccount(id=one, address=f"{one}@demo.example") for one in ids)
    return Destination(kind=Kind.LOCAL, tenant="demo", accounts=accounts, remote=remote)


class Mailbox:
    """The mailbox pod: keeps what it is given, once for each account and delivery id."""

    def __init__(self) -> None:
        self.letters: list[Inbound] = []
        self.kept: dict[tuple[str, UUID], Inbound] = {}
        self.failing: set[str] = set()
        self.away = False

    async def deliver(self, letter):
        if self.away:
            raise Unavailable("the mailbox is away")
        self.letters.append(letter)
        answers = []
        for copy in letter.copies:
            if copy.account in self.failing:
                answers.append(Unavailable("not now"))
                continue
            fresh = (copy.account, copy.delivery_id) not in self.kept
            self.kept.setdefault((copy.account, copy.delivery_id), letter)
            answers.append(Delivered(mailbox_id=1, uidvalidity=1, uid=1, modseq=1, fresh=fresh))
        return answers


class Dispatch(MemoryDispatch):
    """Pods ask it for a second at a time; a test that ends does not wait for that."""

    async def pull(self, lane, room, *, wait):
        return await super().pull(lane, room, wait=min(wait, 0.02))


class Nobody:
    async def deliver(self, claim, route, lease):
        raise AssertionError("no row of this test is a suspect")


class World:
    def __init__(self, *, slots: int = 100, per_site: int = 100, terms: Terms | None = None) -> None:
        self.clock, self.mono = Clock(), Clock(0.0)
        self.memory = MemoryLedger(terms or Terms(), clock=self.clock, random=lambda: 0.5)
        self.ledger = Grouped(self.memory)
        self.dispatch = Dispatch()
        self.objects = MemoryObjects()
        self.router, self.attempts = Router(), Attempts()
        self.recipients, self.mailbox = People(), Mailbox()
        self.handover = Handover(
            recipients=self.recipients, deliveries=self.mailbox, objects=self.objects, ledger=self.ledger
        )
        self.slots = Slots(slots, per_site)
        self.leases = Leases(self.memory, seconds=60.0, clock=self.mono)
        self.reports = Reports(
            ledger=self.memory,
            objects=self.objects,
            dispatch=self.dispatch,
            hostname="mx.demo.example",
            every=0.01,
        )
        self.worker = Worker(
            ledger=self.ledger,
            objects=self.objects,
            attempt=self.attempts,
            handover=self.handover,
            alone=Nobody(),
            leases=self.leases,
            owed=self.reports,
        )
        self.inlets = Inlets(
            owner="pod-1",
            ledger=self.ledger,
            dispatch=self.dispatch,
            router=self.router,
            worker=self.worker,
            slots=self.slots,
            leases=self.leases,
        )
        self.stopping = asyncio.Event()

    async def accept(
        self, *addresses: str, publish: bool = True, sender: str = "a@demo.example", **more
    ) -> Message:
        message = Message(
            id=uuid7(),
            tenant="demo",
            account="a",
            origin=Origin.SUBMISSION,
            sender=sender,
            size=len(BODY),
            sha256=sha256(BODY).digest(),
            **more,
        )
        deliveries = tuple(
            NewDelivery(
                id=uuid7(),
                domain=address.rpartition("@")[2],
                recipients=(NewRecipient(address=address),),
                published=publish,
            )
            for address in addresses
        )
        await self.memory.accept([Letter(message=message, body=BODY, deliveries=deliveries)])
        if publish:
            self.dispatch.publish(
                [
                    Job(
                        delivery_id=d.id,
                        message_id=message.id,
                        epoch=0,
                        domain=d.domain,
                        tenant="demo",
                        klass=message.klass,
                    )
                    for d in deliveries
                ]
            )
        return message

    async def run(self, until: Callable[[], bool], *, fresh: bool = True, stored: bool = True) -> None:
        """Both inlets, until ``until()``; then the pod stops as it would on SIGTERM."""
        loops = [asyncio.create_task(self.inlets.fresh(lane, self.stopping)) for lane in Lane if fresh]
        if stored:
            loops.append(asyncio.create_task(self.inlets.stored(self.stopping, poll=0.01)))
        async with asyncio.timeout(10):
            while not until():
                await asyncio.sleep(0.005)
        self.stopping.set()
        await self.inlets.drain(5.0)
        await asyncio.gather(*loops)

    async def outcomes(self, message: Message) -> list[Outcome]:
        tracking = await self.memory.track(message.id)
        assert tracking is not None
        return [r.outcome for d in tracking.deliveries for r in d.recipients]
