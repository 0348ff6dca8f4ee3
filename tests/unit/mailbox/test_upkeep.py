"""Bodies go when no letter has them, and never while one might still come."""

import pytest

from services.mailbox.inbound import Intake
from services.mailbox.storage import Storage
from services.mailbox.upkeep import KEPT, ORPHAN_AGE, Upkeep
from tests.integration.mailbox import in_objects
from yubin.errors import NotFound
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.objects.memory import MemoryObjects

LARGE = b"Subject: large\r\n\r\n" + b"x" * 100_000


class World:
    def __init__(self):
        self.now = 1e9
        self.mailboxes, self.objects = MemoryMailboxes(clock=self.clock), MemoryObjects(clock=self.clock)
        storage = Storage(self.mailboxes, self.objects)
        self.intake = Intake(storage)
        self.upkeep = Upkeep(storage, self.mailboxes.ping, clock=self.clock)

    def clock(self):
        return self.now

    async def there(self, name):
        try:
            return bool(await self.objects.get(name))
        except NotFound:
            return False


@pytest.fixture
def world():
    return World()


async def test_the_body_of_an_expunged_letter_goes_an_hour_later(world):
    """Not at once: a copy of the same letter may still be on its way to another account."""
    one = await in_objects(world, LARGE)
    await world.intake.deliver(one)
    await world.mailboxes.expunge("anna", 1, None, only_deleted=False)
    await world.upkeep.sweep()
    assert await world.there(one.object)
    world.now += KEPT + 1
    await world.upkeep.sweep()
    assert not await world.there(one.object)


async def test_a_body_that_got_a_letter_meanwhile_stays(world):
    """It is looked up once more before it goes."""
    one = await in_objects(world, LARGE)
    await world.intake.deliver(one)
    await world.mailboxes.expunge("anna", 1, None, only_deleted=False)
    await world.upkeep.sweep()
    late = await in_objects(world, LARGE)
    await world.intake.deliver(type(one)(**{**vars(one), "copies": late.copies}))
    world.now += KEPT + 1
    await world.upkeep.sweep()
    assert await world.there(one.object)


async def test_orphans(world):
    """CASES A1, A11: what no letter names goes after a day; what some letter has, and the queue's, stays."""
    orphan, kept = await in_objects(world, LARGE), await in_objects(world, LARGE)
    await world.intake.deliver(kept)
    await world.objects.put("queued", b"x")
    world.now += ORPHAN_AGE - 1
    young = await in_objects(world, LARGE)
    await world.upkeep.orphans()
    assert await world.there(orphan.object)
    world.now += 2
    await world.upkeep.orphans()
    found = [await world.there(name) for name in (orphan.object, kept.object, young.object, "queued")]
    assert found == [False, True, True, True]
