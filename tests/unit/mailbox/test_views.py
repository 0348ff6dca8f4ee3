"""Mailboxes that are kept as columns: what they say is what the store says, whatever happened meanwhile."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailbox import views
from services.mailbox.inbound import Intake
from services.mailbox.storage import Storage
from services.mailbox.views import COST, ENTRY, Views
from tests.integration.mailbox import letter
from yubin.errors import NotFound
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import How, View
from yubin.objects.memory import MemoryObjects

INBOX, ARCHIVE = 1, 6


class Counted(MemoryMailboxes):
    """``whole``: how often a mailbox was read from its beginning."""

    def __init__(self):
        super().__init__()
        self.whole, self.forgets = 0, False

    async def view(self, account, mailbox_id, *, since=0, after=0, limit=5000):
        self.whole += not since
        view = await super().view(account, mailbox_id, since=since, after=after, limit=limit)
        return replace(view, expunged=None) if since and self.forgets else view


class World:
    def __init__(self, limit=10**6):
        self.store = Counted()
        self.views = Views(self.store, limit)
        self._intake = Intake(Storage(self.store, MemoryObjects()))

    async def deliver(self, count=1, account="anna"):
        for n in range(count):
            await self._intake.deliver(letter(b"Subject: x\r\n\r\n" + b"x" * n, account))

    async def same(self, mailbox_id=INBOX):
        """Raises AssertionError where it is not what the store says."""
        told = await self.views.first("anna", mailbox_id)
        whole = self.store.whole
        assert told == await self.store.view("anna", mailbox_id)
        self.store.whole = whole
        return told


async def test_a_mailbox_is_read_once():
    """Then only what is new: letters, flags with new keywords, what was expunged, and nothing at all."""
    world = World()
    await world.deliver(40)
    for change in (
        lambda: world.deliver(2),
        lambda: world.store.store("anna", INBOX, [3, 41], How.ADD, frozenset({"\\Seen", "$Work"})),
        lambda: world.store.expunge("anna", INBOX, [1, 20, 42], only_deleted=False),
        lambda: world.store.copy("anna", INBOX, [2, 3], ARCHIVE, move=True),
        lambda: world.store.select("anna", INBOX),
        lambda: world.store.subscribe("anna", "INBOX", False),
    ):
        await world.same()
        await change()
    await world.same()
    assert world.store.whole == 1
    assert await world.same() == await world.same()


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["delivered", "store", "expunge", "move", "back"]),
        st.sets(st.integers(1, 12), max_size=4),
    ),
    max_size=14,
)


@settings(max_examples=150)
@given(CHANGES, st.sets(st.integers(0, 13)))
async def test_whatever_happens_it_is_what_the_store_says(changes, looks):
    """After any changes, looked at after any of them: two mailboxes, letters that come and go between two looks."""
    world = World()
    await world.deliver(6)
    for n, (what, uids) in enumerate(changes):
        if what == "delivered":
            await world.deliver(len(uids))
        elif what == "store":
            flags = frozenset({"\\Flagged", f"$k{len(uids)}"})
            await world.store.store("anna", INBOX, [*uids], How.ADD if n % 3 else How.REPLACE, flags)
        elif what == "expunge":
            await world.store.expunge("anna", INBOX, [*uids], only_deleted=False)
        else:
            source, target = (INBOX, ARCHIVE) if what == "move" else (ARCHIVE, INBOX)
            await world.store.copy("anna", source, [*uids], target, move=True)
        if n in looks:
            await world.same()
            await world.same(ARCHIVE)
    await world.same()
    await world.same(ARCHIVE)


@pytest.mark.parametrize(
    "told",
    [
        {"messages": 4},
        {"size": 1},
        {"uidvalidity": 7},
        {"modseq": 10**6},
    ],
)
async def test_what_does_not_add_up_is_read_anew(told):
    """A database that lost its last commits, and counted on: the MODSEQ is known here, and the mailbox is another."""
    world = World()
    await world.deliver(5)
    known = await world.views.first("anna", INBOX)
    wrong = replace(known, state=replace(known.state, **told))
    world.views._keep("anna", INBOX, wrong)
    await world.same()
    assert world.store.whole == 2


async def test_a_uid_that_should_have_been_here():
    """A change to an entry before the last one that is not here: all is read anew."""
    world = World()
    await world.deliver(5)
    known = await world.views.first("anna", INBOX)
    gap = {
        name: [*getattr(known, name)][:1] + [*getattr(known, name)][2:]
        for name in ("uids", "flags", "modseqs", "sizes")
    }
    world.views._keep("anna", INBOX, replace(known, **gap))
    await world.store.store("anna", INBOX, [2], How.ADD, frozenset({"\\Seen"}))
    await world.same()
    assert world.store.whole == 2


async def test_what_the_store_has_forgotten_is_read_anew():
    """Expunged so long ago that it does not know which UIDs."""
    world = World()
    await world.deliver(5)
    await world.same()
    await world.store.expunge("anna", INBOX, [1], only_deleted=False)
    world.store.forgets = True
    await world.same()
    assert world.store.whole == 2


async def test_more_than_a_page_is_not_kept(monkeypatch):
    """Neither one that is too long at once, nor one that grows."""
    monkeypatch.setattr(views, "PAGE", 3)
    world = World()
    await world.deliver(3)
    await world.views.first("anna", INBOX)
    await world.deliver(1)
    for _ in range(2):
        view = await world.views.first("anna", INBOX)
        assert (list(view.uids), view.more) == ([1, 2, 3], True)
    assert world.store.whole == 3


async def test_the_least_lately_used_gives_way():
    """No more octets than the limit; none where the limit is 0."""
    world = World(2 * (COST + 2 * ENTRY))
    for name in ("anna", "bob", "carol"):
        await world.deliver(2, name)
    for name in ("anna", "bob", "anna", "carol", "anna", "bob"):
        await world.views.first(name, INBOX)
    assert world.store.whole == 4  # bob gave way to carol
    none = Views(world.store, 0)
    for _ in range(2):
        assert isinstance(await none.first("anna", INBOX), View)
    assert world.store.whole == 6


async def test_a_mailbox_that_is_gone():
    """NotFound, as from the store, though it lies here."""
    world = World()
    made = await world.store.create("anna", "Work")
    await world.views.first("anna", made.id)
    await world.store.delete("anna", made.id)
    with pytest.raises(NotFound):
        await world.views.first("anna", made.id)
