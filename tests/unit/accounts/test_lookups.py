"""Where mail goes, as a pod remembers it: for how long, for whom, and while the directory is away."""

import asyncio

import pytest

from tests.unit.accounts.directory import Clock
from yubin.accounts.lookups import BATCH, Lookups
from yubin.accounts.port import Destination, Kind, LocalAccount
from yubin.errors import Denied, Internal, Unavailable

ANNA = Destination(kind=Kind.LOCAL, tenant="acme", accounts=(LocalAccount(id="1", address="anna@a.example"),))
MOVED = Destination(kind=Kind.MOVED, tenant="acme", moved_to="new@b.example")
UNKNOWN = Destination(kind=Kind.UNKNOWN, tenant="acme")
ELSEWHERE = Destination(kind=Kind.NOT_LOCAL)


class Directory:
    """Knows a.example with anna in it; ``calls`` are the batches that it was asked."""

    def __init__(self):
        self.table = {"anna@a.example": ANNA, "moved@a.example": MOVED}
        self.domains = {"a.example"}
        self.calls = []
        self.lasts = 60.0
        self.failure = self.gate = None

    async def ask(self, addresses):
        self.calls.append(tuple(addresses))
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        return [self._of(address) for address in addresses], self.lasts

    def _of(self, address):
        ours = address.partition("@")[2] in self.domains
        return self.table.get(address, UNKNOWN) if ours else ELSEWHERE


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lookups(directory, clock):
    return Lookups(directory.ask, entries=100, clock=clock)


async def one(lookups, address):
    (found,) = await lookups.lookup([address])
    return found


async def test_an_address_is_asked_once_while_the_answer_holds(lookups, directory, clock):
    """However it is written; afterwards again, and what has changed is seen."""
    assert await one(lookups, "anna@a.example") == ANNA
    clock.now += 59.9
    for text in ("Anna@A.Example", "anna@a.example.", '"anna"@a.example'):
        assert await one(lookups, text) == ANNA
    assert directory.calls == [("anna@a.example",)]
    clock.now += 0.2
    directory.table["anna@a.example"] = MOVED
    assert await one(lookups, "anna@a.example") == MOVED
    assert len(directory.calls) == 2


async def test_mail_to_the_world_is_asked_once_for_each_domain(lookups, directory, clock):
    """NOT_LOCAL holds for every address of a domain; a domain that becomes ours is seen when the answer ends."""
    for n in range(100):
        assert await one(lookups, f"u{n}@b.example") == ELSEWHERE
    assert len(directory.calls) == 1
    directory.domains.add("b.example")
    clock.now += 61
    assert await one(lookups, "u1@b.example") == UNKNOWN
    assert await one(lookups, "u2@b.example") == UNKNOWN, "the domain is ours now"


async def test_unknown_is_forgotten_within_seconds(lookups, directory, clock):
    """A new account gets its mail five seconds later, whatever the directory's time; nobody is refused by a memory."""
    assert await one(lookups, "new@a.example") == UNKNOWN
    clock.now += 4.9
    assert await one(lookups, "new@a.example") == UNKNOWN
    assert len(directory.calls) == 1
    clock.now += 0.2
    directory.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await one(lookups, "new@a.example")
    directory.failure = None
    directory.table["new@a.example"] = ANNA
    assert await one(lookups, "new@a.example") == ANNA


async def test_an_account_that_is_gone_is_unknown_and_stays_so(lookups, directory, clock):
    """An answer takes the place of every older one of the address, also while the directory is away."""
    assert await one(lookups, "anna@a.example") == ANNA
    clock.now += 61
    del directory.table["anna@a.example"]
    assert await one(lookups, "anna@a.example") == UNKNOWN
    clock.now += 6
    directory.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await one(lookups, "anna@a.example")
    directory.failure = None
    directory.domains.clear()
    assert await one(lookups, "anna@a.example") == ELSEWHERE


@pytest.mark.parametrize("failure", [Unavailable("away"), Internal("oops"), Denied("not for this pod")])
async def test_while_the_directory_is_away(lookups, directory, clock, failure):
    """What was known holds for an hour more, asked every five seconds; what was not is 451, never a refusal."""
    known = {"anna@a.example": ANNA, "moved@a.example": MOVED, "x@b.example": ELSEWHERE}
    assert await lookups.lookup(list(known)) == tuple(known.values())
    clock.now += 61
    directory.failure = failure
    for _ in range(50):
        assert await lookups.lookup([*known, "y@b.example"]) == (*known.values(), ELSEWHERE)
    assert len(directory.calls) <= 3
    with pytest.raises((Unavailable, Internal)) as refused:
        await lookups.lookup(["anna@a.example", "other@a.example"])
    assert refused.value.temporary
    clock.now += 3000
    assert await one(lookups, "anna@a.example") == ANNA
    clock.now += 601
    with pytest.raises((Unavailable, Internal)):
        await one(lookups, "anna@a.example")


async def test_everybody_who_asks_at_once_is_one_question(lookups, directory):
    """Who leaves takes nobody's answer away; questions that overlap share what is under way."""
    directory.gate = asyncio.Event()
    asking = [asyncio.ensure_future(one(lookups, "anna@a.example")) for _ in range(10)]
    asking += [asyncio.ensure_future(lookups.lookup(["moved@a.example", "ANNA@a.example"]))]
    await asyncio.sleep(0)
    asking[0].cancel()
    directory.gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [ANNA] * 9 + [(MOVED, ANNA)]
    assert directory.calls == [("anna@a.example",), ("moved@a.example",)]
    assert lookups._under_way == {}


async def test_many_addresses_are_asked_in_batches(directory, clock):
    """At most a thousand a call, each once, answered in the order of the question, also when the table is smaller."""
    lookups = Lookups(directory.ask, entries=10, clock=clock)
    directory.table |= {f"u{n}@a.example": ANNA for n in range(0, 2500, 2)}
    wanted = [f"u{n % 2500}@a.example" for n in range(5000)]
    found = await lookups.lookup(wanted)
    assert [d is ANNA for d in found] == [n % 2 == 0 for n in range(5000)]
    assert [len(batch) for batch in directory.calls] == [BATCH, BATCH, 500]
    assert await lookups.lookup([]) == ()


async def test_tables_are_bounded_and_strangers_push_nobody_out(lookups, directory):
    """CASES L11: ten thousand names that do not exist and as many domains leave anna where she is."""
    await one(lookups, "anna@a.example")
    for n in range(1000):
        await lookups.lookup([f"x{n}@a.example", f"x@d{n}.example"])
    before = len(directory.calls)
    assert await one(lookups, "anna@a.example") == ANNA
    assert len(directory.calls) == before
    assert max(len(lookups._addresses), len(lookups._domains), len(lookups._unknown)) <= 100


@pytest.mark.parametrize("text", ["", "nobody", "a b@a.example", "x@", "x@-", "\ud800@a.example", "x" * 9999])
async def test_what_is_no_address_is_nobody(lookups, directory, text):
    """Without a call, and whoever stands beside it in the same question is answered."""
    found = await lookups.lookup([text, "anna@a.example"])
    assert [d.kind for d in found] == [Kind.UNKNOWN, Kind.LOCAL]
    assert directory.calls == [("anna@a.example",)]


async def test_the_bare_postmaster_is_asked_for(lookups, directory):
    """RFC 5321 4.1.1.3: RCPT TO:<Postmaster> has no domain; the directory knows who it is."""
    await one(lookups, "PostMaster")
    assert directory.calls == [("postmaster",)]


async def test_an_answer_of_the_wrong_length_is_nobodys(directory, clock):
    """A fault of the other side is not taken for somebody else's address."""
    lookups = Lookups(lambda _: asyncio.sleep(0, ((), 60.0)), entries=10, clock=clock)
    with pytest.raises(ValueError, match="zip"):
        await one(lookups, "anna@a.example")
    assert lookups._under_way == {}
