"""Reading ahead."""

import asyncio
from contextlib import aclosing

import pytest

from services.gateway.imap.ahead import ahead, batches
from yubin.errors import Unavailable


def test_batches():
    """All, in order, the last one shorter."""
    assert [list(some) for some in batches(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


async def test_the_next_batch_is_on_its_way_and_never_the_one_behind_it():
    """While one is used the next one is read; order is kept."""
    asked = []

    async def read(some):
        asked.append(some)
        await asyncio.sleep(0)
        return sum(some)

    used = []
    async with aclosing(ahead(batches(range(8), 2), read)) as found:
        async for some, total in found:
            await asyncio.sleep(0.001)
            used.append(total)
            assert len(asked) == min(len(used) + 1, 4), some
    assert used == [1, 5, 9, 13]


async def test_who_stops_early_leaves_nothing_behind():
    """The batch that was read ahead is given up; a failure arrives where its batch would."""
    cancelled = []

    async def read(some):
        try:
            await asyncio.sleep(0 if some[0] == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(some[0])
            raise
        return some

    async with aclosing(ahead(batches(range(6), 2), read)) as found:
        async for _ in found:
            await asyncio.sleep(0)
            break
    assert cancelled == [2]

    async def fails(some):
        if some[0]:
            raise Unavailable("Away")
        return some

    seen = []

    async def use():
        async with aclosing(ahead(batches(range(4), 2), fails)) as found:
            async for some, _ in found:
                seen.append(list(some))

    with pytest.raises(Unavailable):
        await use()
    assert seen == [[0, 1]]
