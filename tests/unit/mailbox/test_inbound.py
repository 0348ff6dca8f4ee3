"""Letters in: one answer for each copy, and never a permanent refusal."""

from dataclasses import replace

import pytest

from services.mailbox.inbound import Intake
from services.mailbox.storage import Storage
from tests.integration.mailbox import in_objects, letter
from yubin.errors import Exhausted, Internal, Unavailable
from yubin.ids import uuid7
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import JUNK, Delivered, Want
from yubin.objects.memory import MemoryObjects

LARGE = b"Subject: large\r\n\r\n" + b"x" * 100_000


class World:
    def __init__(self):
        self.mailboxes, self.objects = MemoryMailboxes(), MemoryObjects()
        self.storage = Storage(self.mailboxes, self.objects)
        self.intake = Intake(self.storage)

    async def kept(self, account, mailbox_id=1):
        rows = await self.mailboxes.rows(account, mailbox_id, range(1, 100), Want.BODY)
        return [(row.letter_id, row.body, row.object) for row in rows]


@pytest.fixture
def world():
    return World()


async def test_a_letter_is_stored_for_each_account(world):
    """All copies are one letter; junk goes to the mailbox for junk."""
    one = letter("Subject: x\r\n\r\n", "anna", "bob")
    junk = letter("Subject: x\r\n\r\n", "anna", junk=True)
    assert {type(a) for a in await world.intake.deliver(one)} == {Delivered}
    await world.intake.deliver(junk)
    assert await world.kept("anna") == await world.kept("bob") == [(one.letter_id, one.body, "")]
    (box,) = [m.id for m in await world.mailboxes.mailboxes("anna") if m.special_use == JUNK]
    assert await world.kept("anna", box) == [(junk.letter_id, junk.body, "")]


async def test_said_twice_it_is_stored_once(world):
    """The second answer is the first one's place, also after the reader expunged the letter."""
    one = letter()
    (first,) = await world.intake.deliver(one)
    await world.mailboxes.expunge("anna", 1, None, only_deleted=False)
    (second,) = await world.intake.deliver(one)
    assert second == replace(first, fresh=False)
    assert await world.kept("anna") == []


async def test_a_large_letter_is_one_object_for_all(world):
    """The rows name the object that mx wrote; nothing is copied."""
    one = await in_objects(world, LARGE)
    two = replace(one, copies=(*one.copies, *letter("", "bob").copies))
    await world.intake.deliver(two)
    assert await world.kept("anna") == await world.kept("bob") == [(one.letter_id, None, one.object)]


async def test_an_object_that_cannot_be_read(world):
    """Unavailable for each copy: it may be there later; nothing is stored."""
    one = await in_objects(world, LARGE)
    await world.objects.delete(one.object)
    answers = await world.intake.deliver(replace(one, copies=letter("", "anna", "bob").copies))
    assert [type(a) for a in answers] == [Unavailable, Unavailable]
    assert await world.kept("anna") == []


@pytest.mark.parametrize("lie", ["size", "object", "object's size"])
async def test_a_letter_that_is_not_what_it_says(world, lie):
    """A wrong size or another's object is a fault of ours, which stores nothing."""
    one = await in_objects(world, LARGE)
    match lie:
        case "size":
            one = replace(letter(), size=99)
        case "object":
            one = replace(one, letter_id=uuid7())
        case _:
            one = replace(one, size=99)
    (answer,) = await world.intake.deliver(one)
    assert type(answer) is Internal
    assert await world.kept("anna") == []


@pytest.mark.parametrize("cause", [RuntimeError("a bug"), Exhausted("full"), Unavailable("away")])
async def test_a_copy_that_fails_harms_no_other(world, cause):
    """Its own answer is temporary, whatever went wrong; the other account has its letter."""
    deliver = world.mailboxes.deliver

    async def broken(letters):
        if letters[0].account == "anna":
            raise cause
        return await deliver(letters)

    world.mailboxes.deliver = broken
    anna, bob = await world.intake.deliver(letter("Subject: x\r\n\r\n", "anna", "bob"))
    assert (type(anna) in {Unavailable, Internal}, anna.temporary, type(bob)) == (True, True, Delivered)
    assert "bug" not in str(anna)
