from __future__ import annotations

import asyncio

import pytest

from tests.unit.delivery.world import World
from yubin.errors import Unavailable
from yubin.queue.group import Group, Grouped
from yubin.queue.port import OutcomeUnknown


class Database:
    """Takes one group at a time, as slowly as ``gate`` wants."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, items):
        self.groups.append(list(items))
        await self.gate.wait()
        if "away" in items:
            raise Unavailable("away")
        if "bad" in items:
            raise ValueError("bad")
        return [item.upper() for item in items]


async def test_what_arrives_during_a_commit_makes_the_next():
    """No timer: the first goes alone, the rest together."""
    db = Database()
    db.gate.clear()
    group = Group("t", db.run)
    first = asyncio.create_task(group.put("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(group.put(x)) for x in "bcd"]
    await asyncio.sleep(0)
    db.gate.set()
    assert await asyncio.gather(first, *rest) == ["A", "B", "C", "D"]
    assert db.groups == [["a"], ["b", "c", "d"]]


async def test_one_bad_letter_harms_only_itself():
    """A group that fails for another reason than the connection is retried one by one."""
    db = Database()
    group = Group("t", db.run)
    answers = await asyncio.gather(*(group.put(x) for x in ("a", "bad", "c")), return_exceptions=True)
    assert [answers[0], answers[2]] == ["A", "C"]
    assert isinstance(answers[1], ValueError)


async def test_a_database_that_is_away_fails_the_whole_group_once():
    """No retry one by one against a dead connection."""
    db = Database()
    group = Group("t", db.run)
    answers = await asyncio.gather(*(group.put(x) for x in ("a", "away")), return_exceptions=True)
    assert all(isinstance(a, Unavailable) for a in answers)
    assert len(db.groups) == 1
    assert await group.put("later") == "LATER"


async def test_a_client_that_leaves_cancels_no_group():
    """CASES A11: the others of its group are stored; it leaves before its turn and is not stored at all."""
    db = Database()
    db.gate.clear()
    group = Group("t", db.run)
    first = asyncio.create_task(group.put("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaves, stays = asyncio.create_task(group.put("b")), asyncio.create_task(group.put("c"))
    await asyncio.sleep(0)
    first.cancel()
    leaves.cancel()
    db.gate.set()
    assert await stays == "C"
    await group.idle()
    assert db.groups == [["a"], ["c"]]


async def test_a_group_is_bounded():
    db = Database()
    group = Group("t", db.run, most=2)
    await asyncio.gather(*(group.put(x) for x in "abcde"))
    assert [len(g) for g in db.groups] == [2, 2, 1]


@pytest.mark.parametrize("happened", [True, False])
async def test_an_unknown_commit_is_looked_up(happened, monkeypatch):
    """CASES A6: 250 only when the letter is found; otherwise 451, and a retry is accepted."""
    monkeypatch.setattr("yubin.queue.group.LOOK_UPS", (0.001, 0.001))
    world = World()
    accept = world.memory.accept

    async def cut(letters):
        if happened:
            await accept(letters)
        raise OutcomeUnknown("the connection went")

    world.memory.accept = cut
    world.ledger = Grouped(world.memory)
    from yubin.ids import uuid7
    from yubin.queue.port import Letter, Message, NewDelivery, NewRecipient, Origin

    message = Message(
        id=uuid7(),
        tenant="t",
        account="a",
        origin=Origin.SUBMISSION,
        sender="a@b.example",
        size=1,
        sha256=b"x",
    )
    to = NewDelivery(id=uuid7(), domain="x.example", recipients=(NewRecipient(address="b@x.example"),))
    letter = Letter(message=message, body=b"x", deliveries=(to,))
    if happened:
        await world.ledger.accept(letter)
    else:
        with pytest.raises(Unavailable):
            await world.ledger.accept(letter)
        world.memory.accept = accept
        await Grouped(world.memory).accept(letter)
    assert await world.memory.known([message.id]) == {message.id}
