"""The index follows storage: every letter gets its words in the end, whatever the others are like."""

import asyncio

import pytest

from services.mailbox import index, meters
from services.mailbox.inbound import Intake
from services.mailbox.index import Indexer
from services.mailbox.storage import Storage
from tests.integration.mailbox import in_objects, letter
from yubin.errors import Unavailable
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import Word
from yubin.objects.memory import MemoryObjects

LARGE = b"Subject: gross\r\n\r\n" + b"kilimanjaro zebra\r\n" * 20_000


class World:
    def __init__(self):
        self.mailboxes, self.objects = MemoryMailboxes(), MemoryObjects()
        self.storage = Storage(self.mailboxes, self.objects)
        self.indexer = Indexer(self.storage, batch=3, poll=60)
        self.intake = Intake(self.storage, self.indexer.wake)

    async def found(self, text):
        match = await self.mailboxes.match("anna", 1, [Word(text=text)])
        return list(match.uids), list(match.unknown)


@pytest.fixture
def world():
    made = World()
    yield made
    made.indexer.close()


async def test_words_are_found_once_indexed(world):
    """Small letters and those in the object store, over several batches."""
    for n in range(7):
        await world.intake.deliver(letter(f"Subject: tea\r\n\r\nnumber{n}\r\n"))
    await world.intake.deliver(await in_objects(world, LARGE))
    assert await world.found("tea") == ([], [1, 2, 3, 4, 5, 6, 7, 8])
    while await world.indexer.once():
        pass
    assert await world.found("tea") == ([1, 2, 3, 4, 5, 6, 7], [])
    assert await world.found("kilimanjaro") == ([8], [])
    assert await world.found("number3") == ([4], [])


async def test_a_letter_that_breaks_the_splitter_stops_nobody(world, monkeypatch):
    """It is counted, indexed without words, and not tried again; the others are indexed."""
    split = index.index_words

    def broken(raw):
        if b"poison" in raw:
            raise RuntimeError("a bug")
        return split(raw)

    monkeypatch.setattr(index, "index_words", broken)
    before = meters.UNREADABLE._value.get()
    for text in ("good", "poison", "better"):
        await world.intake.deliver(letter(f"Subject: x\r\n\r\n{text}\r\n"))
    await world.indexer.once()
    assert await world.found("good") == ([1], [])
    assert await world.found("poison") == ([], [])
    assert meters.UNREADABLE._value.get() == before + 1
    assert await world.mailboxes.backlog() == 0


async def test_a_body_that_cannot_be_read_now_comes_again(world):
    """A store that is away costs no letter its words."""
    clock = [0.0]
    world.mailboxes._clock = lambda: clock[0]
    await world.intake.deliver(await in_objects(world, LARGE))
    get = world.objects.get

    async def away(name):
        raise Unavailable("away")

    world.objects.get = away
    await world.indexer.once()
    assert await world.mailboxes.backlog() == 1
    world.objects.get = get
    clock[0] += index.HELD + 1
    await world.indexer.once()
    assert await world.found("zebra") == ([1], [])


async def test_it_wakes_when_a_letter_arrives(world):
    """Nobody waits for the next poll."""
    task = asyncio.create_task(world.indexer.run())
    await asyncio.sleep(0.05)
    await world.intake.deliver(letter("Subject: now\r\n\r\n"))
    async with asyncio.timeout(5):
        while await world.found("now") != ([1], []):
            await asyncio.sleep(0.005)
    task.cancel()
