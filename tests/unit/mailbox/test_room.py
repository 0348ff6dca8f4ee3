"""The room for letters under way: never more than it holds, in the order of asking."""

import asyncio

from services.mailbox.room import Room


async def test_who_comes_first_goes_first():
    """A large one that waits is not overtaken by small ones for ever."""
    room, order = Room(10), []

    async def take(name, size, hold):
        async with room.take(size):
            order.append(name)
            await hold.wait()

    first, rest = asyncio.Event(), asyncio.Event()
    rest.set()
    tasks = [asyncio.create_task(take("a", 6, first))]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(take("large", 8, rest)), asyncio.create_task(take("small", 1, rest))]
    await asyncio.sleep(0.01)
    assert order == ["a"]
    first.set()
    await asyncio.gather(*tasks)
    assert order == ["a", "large", "small"]


async def test_what_is_larger_than_the_room_has_it_alone():
    """It is neither refused nor let in beside another."""
    room, inside = Room(10), []

    async def take(size):
        async with room.take(size):
            inside.append(size)
            assert sum(inside) == size or size < 10
            await asyncio.sleep(0)
            inside.remove(size)

    await asyncio.gather(take(3), take(1000), take(4))


async def test_who_leaves_while_waiting_gives_way():
    """A cancelled wait takes nothing, before and after it was let in."""
    room = Room(10)
    hold = room.take(10)
    await hold.__aenter__()
    waits = [asyncio.create_task(room.take(10).__aenter__()) for _ in range(3)]
    await asyncio.sleep(0)
    waits[0].cancel()
    await hold.__aexit__(None, None, None)  # lets the second in ...
    waits[1].cancel()  # ... who leaves before he knows
    await asyncio.wait_for(waits[2], 1)
