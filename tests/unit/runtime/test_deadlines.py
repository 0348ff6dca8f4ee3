"""One timer for many: who is late is told of once, and who was done in time is not."""

import asyncio

from yubin.runtime.deadlines import Deadlines


async def test_who_is_late_is_told_of_once_and_in_time():
    """Several deadlines in any order, one of them dropped: the others ring, each when it is due."""
    loop, late = asyncio.get_running_loop(), {}
    began = loop.time()
    deadlines = Deadlines(lambda key: late.setdefault(key, []).append(loop.time() - began))
    for key, seconds in (("third", 0.15), ("first", 0.05), ("dropped", 0.06), ("second", 0.1)):
        deadlines.add(key, seconds)
    deadlines.drop("dropped")
    async with asyncio.timeout(5):
        while len(late) < 3:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert list(late) == ["first", "second", "third"]
    assert all(len(times) == 1 for times in late.values())
    assert all(
        late[key][0] >= due - 0.002 for key, due in (("first", 0.05), ("second", 0.1), ("third", 0.15))
    )


async def test_a_thousand_that_are_done_in_time_ring_nobody():
    """The timer that is left of them rings for nothing, and the next one is still told of."""
    late = []
    deadlines = Deadlines(late.append)
    for key in range(1000):
        deadlines.add(key, 0.05)
        deadlines.drop(key)
    deadlines.add("slow", 0.1)
    async with asyncio.timeout(5):
        while not late:
            await asyncio.sleep(0.01)
    assert late == ["slow"]


async def test_closed_ones_ring_no_more():
    """Whatever was waited for."""
    late = []
    deadlines = Deadlines(late.append)
    deadlines.add("one", 0.01)
    deadlines.close()
    await asyncio.sleep(0.05)
    assert late == []
