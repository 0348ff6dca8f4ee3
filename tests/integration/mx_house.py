"""The mx pod without its process, and with everything behind it in memory: ``House``."""

import contextlib
import time

from services.mx.addressing import Addressing, Manners
from services.mx.fallback import Fallback
from services.mx.filing import Filing
from services.mx.quotas import Quotas
from services.mx.rates import Rates
from services.mx.senders import Senders
from services.mx.transaction import Desks, Exchange, Rules
from tests.servers.dialogue import Dialogue
from yubin.acceptance.accept import Acceptance
from yubin.acceptance.head_start import HeadStart
from yubin.acceptance.unwind import Unwinding
from yubin.accounts.port import Destination, Kind, LocalAccount
from yubin.dispatch.memory import MemoryDispatch
from yubin.dns.port import Route, Verdict
from yubin.errors import Unavailable
from yubin.mailboxes.port import Delivered, Usage
from yubin.objects.memory import MemoryObjects
from yubin.queue.group import Grouped
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import body_name
from yubin.reception.reception import Reception
from yubin.reception.terms import Terms

NOW = 1_794_000_000.0  # 2026-11-06


def local(*names, tenant="acme", remote=(), quota=0, message_size=0):
    """Accounts of a.test, and addresses elsewhere."""
    accounts = tuple(
        LocalAccount(id=f"id-{name}", address=f"{name}@a.test", quota=quota, message_size=message_size)
        for name in names
    )
    return Destination(kind=Kind.LOCAL, tenant=tenant, accounts=accounts, remote=tuple(remote))


class Town:
    """A directory: a.test and b.test are ours. ``away`` is a directory that does not answer."""

    ours = frozenset({"a.test", "b.test"})

    def __init__(self):
        self.away, self.asked = False, []
        self.people = {
            "alice@a.test": local("alice"),
            "bob@a.test": local("bob", quota=1000),
            "carol@b.test": Destination(
                kind=Kind.LOCAL,
                tenant="other",
                accounts=(LocalAccount(id="id-carol", address="carol@b.test"),),
            ),
            "small@a.test": local("small", message_size=500),
            "team@a.test": local("alice", "bob"),
            "away@a.test": local(remote=("alice@far.test",)),
            "both@a.test": local("alice", remote=("alice@far.test", "Bob@far.test")),
            "gone@a.test": Destination(kind=Kind.MOVED, tenant="acme", moved_to="new@far.test"),
            "off@a.test": Destination(kind=Kind.DISABLED, tenant="acme"),
        }

    async def lookup(self, addresses):
        self.asked += addresses
        if self.away:
            raise Unavailable("a service that this needs is away")
        return tuple(map(self._one, addresses))

    def _one(self, address):
        kind = Kind.UNKNOWN if address.rpartition("@")[2] in self.ours else Kind.NOT_LOCAL
        return self.people.get(address.lower(), Destination(kind=kind))


class Boxes:
    """A mailbox pod. ``gate`` holds its answers back, ``fault`` is raised, ``refuse`` are accounts that fail."""

    def __init__(self, objects):
        self.objects, self.letters, self.used = objects, {}, {}
        self.gate = self.fault = None
        self.refuse, self.ids = frozenset(), set()

    async def deliver(self, letter):
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        body = letter.body if letter.body is not None else await self.objects.get(letter.object)
        return [self._keep(copy, body, letter) for copy in letter.copies]

    def _keep(self, copy, body, letter):
        if copy.account in self.refuse:
            return Unavailable("later")
        if (copy.account, copy.delivery_id) not in self.ids:
            self.ids.add((copy.account, copy.delivery_id))
            self.letters.setdefault(copy.account, []).append((body, copy.junk, letter))
        return Delivered(mailbox_id=1, uidvalidity=1, uid=len(self.letters[copy.account]), modseq=1)

    async def usage(self, accounts):
        if self.fault is not None:
            raise self.fault
        return {a: Usage(used=self.used[a]) for a in accounts if a in self.used}

    def of(self, account):
        """The bodies that an account has."""
        return [body for body, _, _ in self.letters.get(account, ())]


class Maps:
    """A resolver: every domain takes mail but those named here; ``away`` raises."""

    def __init__(self):
        self.away = False
        self.verdicts = {
            "null.test": Verdict.NULL_MX,
            "nowhere.test": Verdict.NO_DOMAIN,
            "unsure.test": Verdict.TEMPORARY,
            "a.test": Verdict.NO_DOMAIN,
        }

    async def route(self, domain):
        if self.away:
            raise Unavailable("The resolver is away", enhanced="4.4.3")
        verdict = self.verdicts.get(domain, Verdict.OK)
        return Route(
            domain=domain, verdict=verdict, site=domain, provider="other", hosts=(), reason="", valid_for=60
        )


class Slow(MemoryLedger):
    """A ledger whose COMMIT waits for ``gate``, or fails with ``fault``."""

    gate = fault = None

    async def accept(self, letters):
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        await super().accept(letters)

    @property
    def rows(self):
        return self._mail


class Store(MemoryObjects):
    """An object store that may fail."""

    fault = None

    async def put(self, name, data):
        if self.fault is not None:
            raise self.fault
        await super().put(name, data)


class House:
    """``town``, ``boxes``, ``maps``, ``ledger``, ``objects`` and ``dispatch`` are what the pod stands on."""

    def __init__(
        self,
        *,
        size=2_000_000,
        hops=50,
        per_minute=10_000,
        over=452,
        default_quota=0,
        reveal_moved=False,
        postmaster="",
        spam_header="X-Spam-Flag: YES",
        filters=(),
        deliver=5.0,
        clock=time.monotonic,
        **terms,
    ):
        self.ledger, self.objects, self.dispatch = Slow(), Store(), MemoryDispatch()
        self.town, self.boxes, self.maps = Town(), Boxes(self.objects), Maps()
        grouped = Grouped(self.ledger)
        head_start = HeadStart(rate=1000, burst=1000)
        self.unwinding = Unwinding(grouped, pauses=(0.05,) * 100)
        self.quotas = Quotas(self.boxes, default=default_quota, over=over, clock=clock)
        acceptance = Acceptance(
            ledger=grouped, objects=self.objects, dispatch=self.dispatch, keys=self, head_start=head_start
        )
        desks = Desks(
            rates=Rates(per_minute, clock=clock),
            senders=Senders(self.maps, self.town),
            addressing=Addressing(
                self.town,
                self.quotas,
                Manners(hostname="mx.a.test", size=size, reveal_moved=reveal_moved, postmaster=postmaster),
            ),
            quotas=self.quotas,
            filing=Filing(
                deliveries=self.boxes,
                objects=self.objects,
                acceptance=acceptance,
                fallback=Fallback(grouped, self.objects, self.dispatch, head_start),
                unwinding=self.unwinding,
                deadline=deliver,
            ),
        )
        rules = Rules(hostname="mx.a.test", size=size, hops=hops, spam_header=spam_header, filters=filters)
        given = {"hostname": "mx.a.test", "size": size, "recipients": 100} | terms
        self.reception = Reception(Terms(**given), Exchange(rules, desks, clock=lambda: NOW))

    async def signing_keys(self, domain):
        """Nothing that comes from the world is signed by us."""
        raise AssertionError(domain)

    @contextlib.asynccontextmanager
    async def session(self):
        async with Dialogue(self.port) as talk:
            await talk.say("EHLO c.test")
            yield talk

    async def send(self, talk, content, *to, sender="s@s.test", mail=""):
        """One transaction; the reply that ends it."""
        reply = await talk.say(f"MAIL FROM:<{sender}>{mail}")
        if reply.code != 250:
            return reply
        replies = [await talk.say(f"RCPT TO:<{address}>") for address in to or ["alice@a.test"]]
        if all(reply.code != 250 for reply in replies):
            await talk.say("RSET")
            return replies[0]
        return await talk.letter(content)

    async def rows(self):
        """What the ledger holds: (message, its deliveries, body), the oldest first."""
        found = []
        for message_id in sorted(self.ledger._mail):
            tracking = await self.ledger.track(message_id)
            body = await self.ledger.body(message_id)
            if body is None:
                with contextlib.suppress(Exception):
                    body = await self.objects.get(body_name(message_id))
            found.append((tracking.message, tracking.deliveries, body))
        return found


@contextlib.asynccontextmanager
async def serving(**settings):
    house = House(**settings)
    house.port = await house.reception.listen("127.0.0.1", 0)
    try:
        yield house
    finally:
        await house.reception.stop(0)
