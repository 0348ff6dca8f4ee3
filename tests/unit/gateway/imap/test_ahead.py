"""Reading ahead."""

import asyncio
from contextlib import aclosing

import pytest

from services.gateway.imap.ahead import ahead, batches, following
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


async def test_one_piece_is_read_ahead():
    """In order, never two; who stops early ends the stream, and its failure arrives where its piece would."""
    made, ended = [], []

    async def stream(count):
        try:
            for n in range(count):
                made.append(n)
                yield n
            raise Unavailable("Away")
        finally:
            ended.append(count)

    used = []

    async def use():
        async with aclosing(following(stream(4))) as found:
            async for n in found:
                await asyncio.sleep(0.001)
                used.append(n)
                assert len(made) == min(n + 2, 4)

    with pytest.raises(Unavailable):
        await use()
    assert (used, ended) == ([0, 1, 2, 3], [4])
    async with aclosing(following(stream(9))) as found:
        assert await anext(found) == 0
    assert ended == [4, 9]


async def test_a_piece_that_does_not_come_is_given_up():
    """Who is cancelled while he waits for it leaves nothing behind."""
    ended = asyncio.Event()

    async def stream():
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def use():
        async with aclosing(following(stream())) as found:
            async for _ in found:
                pass

    using = asyncio.create_task(use())
    await asyncio.sleep(0.01)
    using.cancel()
    await asyncio.gather(using, return_exceptions=True)
    assert ended.is_set()
