"""A letter that is here already, and one that comes (yubin.mailboxes.whole)."""

import asyncio

import pytest

from yubin.errors import Invalid, Unavailable
from yubin.mailboxes.whole import Whole, all_of


async def pieces(*some):
    for piece in some:
        yield piece


async def test_a_letter_that_is_here_is_taken_as_it_is():
    """The very octets, without a copy; for whoever iterates it is one piece."""
    octets = b"x" * 10_000
    assert await all_of(Whole(octets), len(octets), 1.0) is octets
    assert [piece async for piece in Whole(octets)] == [octets]


async def test_a_letter_that_comes_is_put_together():
    """Piece by piece; one that is shorter than was said is its taker's affair."""
    assert await all_of(pieces(b"ab", b"c"), 3, 1.0) == b"abc"
    assert await all_of(pieces(b"ab"), 3, 1.0) == b"ab"


@pytest.mark.parametrize("body", [lambda: Whole(b"abcd"), lambda: pieces(b"ab", b"cd")])
async def test_a_letter_that_is_longer_than_was_said(body):
    """It is refused, however it came."""
    with pytest.raises(Invalid):
        await all_of(body(), 3, 1.0)


async def test_of_a_letter_that_is_too_long_no_more_is_read():
    """Its sender may send for ever."""
    read = []

    async def endless():
        while True:
            read.append(1)
            yield b"xx"

    with pytest.raises(Invalid):
        await all_of(endless(), 3, 1.0)
    assert len(read) == 2


async def test_a_letter_that_does_not_come():
    """It is waited for so long; a fault of its source is its own."""

    async def never():
        yield b"x"
        await asyncio.Event().wait()

    async def broken():
        yield b"x"
        raise TimeoutError

    with pytest.raises(Unavailable):
        await all_of(never(), 3, 0.01)
    with pytest.raises(TimeoutError):
        await all_of(broken(), 3, 1.0)
