"""CASES A12: what was stored too late is cancelled, whenever it appears, and not for ever."""

import asyncio

from yubin.acceptance.unwind import Unwinding
from yubin.errors import Unavailable
from yubin.ids import uuid7
from yubin.queue.port import Wish


class Ledger:
    """Answers each wish in turn; an exception is raised."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def wish(self, selection, wish):
        self.asked.append((selection.message_id, wish))
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer


async def ended(unwinding):
    async with asyncio.timeout(5):
        while unwinding._open:
            await asyncio.sleep(0)


async def test_it_asks_until_the_row_is_there():
    """The transaction is still under way, the database is away, then there it is."""
    ledger, message_id = Ledger(0, Unavailable("away"), 1), uuid7()
    unwinding = Unwinding(ledger, pauses=(0, 0, 0, 0, 0))
    unwinding.begin(message_id)
    await ended(unwinding)
    assert ledger.asked == [(message_id, Wish.CANCEL)] * 3


async def test_it_gives_up():
    """A transaction that never happened needs no cancelling."""
    ledger = Ledger()
    unwinding = Unwinding(ledger, pauses=(0, 0))
    unwinding.begin(uuid7())
    await ended(unwinding)
    assert len(ledger.asked) == 2


async def test_a_pod_that_stops_tries_once_more():
    """DESIGN I6: what is open is asked for at once, and nothing is left behind."""
    ledger = Ledger(1)
    unwinding = Unwinding(ledger, pauses=(3600,))
    unwinding.begin(uuid7())
    await unwinding.finish()
    assert len(ledger.asked) == 1
    assert not unwinding._open
