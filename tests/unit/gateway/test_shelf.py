"""Letters read ahead: what is ready, and what is not."""

from types import SimpleNamespace

import pytest

from services.gateway.pop3.shelf import SMALL, Reader, Shelf
from yubin.errors import NotFound
from yubin.pop3.maildrop import Maildrop

SIZES = [4, 4, SMALL + 1, 4, 4, 0, 4]
GONE = 5


class Account:
    """Letters of one octet each, many times; message 5 is gone."""

    async def letters(self, mailbox_id, uids):
        uids = [uid for uid in uids if uid != GONE]
        yield SimpleNamespace(rows=SimpleNamespace(uids=uids), bodies=[b"x" * SIZES[uid - 1] for uid in uids])

    async def body(self, mailbox_id, uid, *, offset=0):
        for _ in range(offset, SIZES[uid - 1], SMALL):
            yield b"x" * min(SMALL, SIZES[uid - 1] - offset)
            offset += SMALL


@pytest.fixture
def shelf():
    return Shelf(1024 * 1024)


@pytest.fixture
def reader(shelf):
    return Reader(Account(), 1, Maildrop(1, range(1, len(SIZES) + 1), SIZES), shelf)


async def test_a_letter_that_was_read_ahead_is_ready_once(reader, shelf):
    """It leaves the shelf when it is taken."""
    assert reader.ready(1) is None
    assert await reader.open(1) == b"xxxx"
    held = shelf.held
    assert reader.ready(2) == b"xxxx"
    assert shelf.held == held - 4
    assert reader.ready(2) is None


async def test_nothing_is_ready_while_a_large_letter_comes(reader):
    """Until its last piece was taken, or the client had enough: storage must be told before another is opened."""
    await reader.open(1)
    for end in (reader.more, reader.enough):
        assert len(await reader.open(3)) == SMALL
        assert reader.ready(2 if end == reader.more else 4) is None
        if end == reader.more:
            assert await reader.more() == b"x"
        await end()
        assert reader.ready(2 if end == reader.more else 4) == b"xxxx"


async def test_what_is_gone_or_empty_is_for_open(reader):
    """An empty letter has no first piece, and one that is gone is NotFound (CASES H13)."""
    await reader.open(1)
    assert reader.ready(GONE) is reader.ready(6) is None
    with pytest.raises(NotFound):
        await reader.open(GONE)
    assert await reader.open(6) is None
    assert await reader.more() is None
    assert reader.ready(7) == b"xxxx"
