"""Letters that are kept since they were used lately: whose they are, how many, and that the store says which of them are there."""

import pytest

from services.mailbox.inbound import Intake
from services.mailbox.local import LocalAccount
from services.mailbox.recent import COST, Letter, Recent
from services.mailbox.storage import Kept, Storage
from tests.integration.mailbox import bodies, in_objects, letter, pieces
from yubin.ids import uuid7
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import ROW_LIMIT, Want
from yubin.objects.memory import MemoryObjects

TEXT = b"Subject: x\r\n\r\nGood morning\r\n"


class Counted(MemoryMailboxes):
    """``asked``: UIDs whose bodies the store was asked for. ``lost`` is called once before it looks for them."""

    def __init__(self):
        super().__init__()
        self.asked, self.lost = [], None

    async def columns(self, account, mailbox_id, uids, want):
        if Want.BODY in want:
            self.asked += uids
            if self.lost:
                lost, self.lost = self.lost, None
                await lost()
        return await super().columns(account, mailbox_id, uids, want)


class World:
    def __init__(self, kept=Kept()):  # noqa: B008 - a value
        self.mailboxes, self.objects = Counted(), MemoryObjects()
        self.storage = Storage(self.mailboxes, self.objects, kept=kept)
        self.intake = Intake(self.storage)

    def another_pod(self):
        self.storage = Storage(self.mailboxes, self.objects)

    def account(self, name="anna"):
        return LocalAccount(name, 0, self.storage)


async def test_what_has_just_come_is_not_asked_for():
    """Delivered or appended: its readers get it from memory, octet for octet."""
    world = World()
    await world.intake.deliver(letter(TEXT))
    await world.account().append(1, pieces(TEXT + b"2"), len(TEXT) + 1)
    assert await bodies(world.account()) == {1: TEXT, 2: TEXT + b"2"}
    assert world.mailboxes.asked == []


async def test_what_was_read_once_is_not_asked_for_again():
    """In a pod that had not brought it; a large one is read anew each time."""
    world = World()
    await world.intake.deliver(letter(TEXT))
    large = b"x" * (ROW_LIMIT + 1)
    await world.intake.deliver(await in_objects(world, large))
    world.another_pod()
    for _ in range(3):
        assert await bodies(world.account()) == {1: TEXT, 2: large}
    assert world.mailboxes.asked == [1, 2, 2, 2]


async def test_what_is_gone_is_not_read_from_memory():
    """An entry that was expunged, by whatever pod, and an account that was forgotten."""
    world = World()
    for n in range(3):
        await world.intake.deliver(letter(TEXT + str(n).encode(), "anna", "bob"))
    await world.mailboxes.expunge("anna", 1, [2], only_deleted=False)
    uids = [1, 2, 3]
    found = [some async for some in world.account().letters(1, uids)]
    assert [(some.rows.uids, list(some.bodies)) for some in found] == [((1, 3), [TEXT + b"0", TEXT + b"2"])]
    await world.mailboxes.forget("bob")
    assert [some async for some in world.account("bob").letters(1, uids)] == []


async def test_a_letter_that_goes_while_it_is_read_is_left_out():
    """Between the look for entries and the one for bodies; the others of its piece are there."""
    world = World()
    for n in range(3):
        await world.intake.deliver(letter(TEXT + str(n).encode()))
    world.another_pod()
    world.mailboxes.lost = lambda: world.mailboxes.expunge("anna", 1, [2], only_deleted=False)
    found = [some async for some in world.account().letters(1, [1, 2, 3], Want.SIZE)]
    assert [some.rows.uids for some in found] == [(1, 3)]
    assert [list(some.bodies) for some in found] == [[TEXT + b"0", TEXT + b"2"]]
    assert [list(some.rows.sizes) for some in found] == [[len(TEXT) + 1] * 2]


async def test_nothing_is_kept_where_there_is_no_room():
    """letters_kept = 0."""
    world = World(Kept(letters=0))
    await world.intake.deliver(letter(TEXT))
    for _ in range(2):
        assert await bodies(world.account()) == {1: TEXT}
    assert world.mailboxes.asked == [1, 1]


def test_the_least_lately_used_gives_way():
    """No more octets than the limit, whatever comes; one that was found stays longer."""
    recent, ids = Recent(3 * (COST + 100)), [uuid7() for _ in range(5)]
    for id_ in ids[:3]:
        recent.keep("anna", id_, Letter(b"x" * 100, ""))
    assert recent.find("anna", ids[0]) == Letter(b"x" * 100, "")
    recent.keep("anna", ids[3], Letter(b"y" * 100, ""))
    assert [bool(recent.find("anna", id_)) for id_ in ids] == [True, False, True, True, False]
    recent.keep("anna", ids[4], Letter(b"z" * 300, ""))
    assert [bool(recent.find("anna", id_)) for id_ in ids] == [False, False, False, True, True]


@pytest.mark.parametrize("octets", [ROW_LIMIT + 1, 3 * COST])
def test_what_has_no_room_at_all(octets):
    """Too large for a row, or for all the room there is."""
    recent, id_ = Recent(2 * COST if octets < ROW_LIMIT else 10 * ROW_LIMIT), uuid7()
    recent.keep("anna", id_, Letter(bytes(octets), ""))
    assert recent.find("anna", id_) is None


def test_a_letter_is_its_account_s():
    """One account never gets what lies here for another, though the letter has the same id."""
    recent, id_ = Recent(10_000), uuid7()
    recent.keep("anna", id_, Letter(b"hers", ""))
    assert recent.find("bob", id_) is None
    recent.keep("bob", id_, Letter(b"his", ""))
    assert (recent.find("anna", id_), recent.find("bob", id_)) == (Letter(b"hers", ""), Letter(b"his", ""))
