"""Group commit over a ledger that can be made to wait and to fail."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.ledgers import claim_one, delivery, hold, letter, result, ticket
from yubin.errors import Internal, Unavailable
from yubin.queue.group import Grouped
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import OutcomeUnknown, Release, Selection


class Slow(MemoryLedger):
    """Each batch waits for ``gate``; ``fail`` may raise for a batch, before or after it was written."""

    def __init__(self):
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches = []
        self.before = lambda items: None
        self.after = lambda items: None
        self.blind = 0  # how many times known() cannot answer

    async def accept(self, letters):
        self.batches.append(len(letters))
        await self.gate.wait()
        self.before(letters)
        await super().accept(letters)
        self.after(letters)

    async def finish(self, results):
        answers = await super().finish(results)
        self.after(results)
        return answers

    async def known(self, ids):
        if self.blind:
            self.blind -= 1
            raise Unavailable("away")
        return await super().known(ids)


@pytest.fixture
def slow():
    return Slow()


def grouped(ledger, **more):
    return Grouped(ledger, pauses=(0, 0, 0), **more)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_arrives_meanwhile_makes_the_next_group(slow):
    """No timer: the first goes alone, the rest go together, never more than the limit."""
    group = grouped(slow, limit=8)
    slow.gate.clear()
    letters = [letter() for _ in range(13)]
    waiting = [asyncio.create_task(group.accept(given)) for given in letters]
    await settle()
    assert slow.batches == [8]
    late = [asyncio.create_task(group.accept(letter())) for _ in range(2)]
    await settle()
    slow.gate.set()
    await asyncio.gather(*waiting, *late)
    assert slow.batches == [8, 7]
    assert await slow.known([given.message.id for given in letters]) == {
        given.message.id for given in letters
    }


async def test_one_bad_letter_harms_only_itself(slow):
    """A group that fails for its content is tried one by one; the others are accepted."""
    group = grouped(slow)
    bad = letter()

    def refuse(letters):
        if bad in letters:
            raise ValueError("a NUL in the text")

    slow.before = refuse
    letters = [letter(), bad, letter()]
    answers = await asyncio.gather(*(group.accept(given) for given in letters), return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), Internal, type(None)]
    assert isinstance(answers[1].__cause__, ValueError)
    assert slow.batches == [3, 1, 1, 1]


async def test_a_database_that_is_away_fails_all_at_once(slow):
    """CASES A6: everyone hears 451, each an exception of his own; nothing is tried one by one; a retry is accepted."""
    group = grouped(slow)

    def away(letters):
        raise Unavailable("the disk is full", code=452, enhanced="4.3.1")

    slow.before = away
    letters = [letter() for _ in range(3)]
    answers = await asyncio.gather(*(group.accept(given) for given in letters), return_exceptions=True)
    assert [(answer.code, answer.enhanced) for answer in answers] == [(452, "4.3.1")] * 3
    assert len(set(map(id, answers))) == 3
    assert slow.batches == [3]
    slow.before = lambda items: None
    await asyncio.gather(*(group.accept(given) for given in letters))


async def test_an_unknown_commit_that_happened_is_a_success(slow):
    """The connection went after COMMIT: the ids are looked up, also when the first look finds nobody."""
    group = grouped(slow)

    def cut(letters):
        raise OutcomeUnknown("gone")

    slow.after, slow.blind = cut, 2
    given = letter()
    await group.accept(given)
    assert slow.batches == [1]


async def test_an_unknown_commit_that_did_not_happen_is_a_451(slow):
    """CASES A6: not there, so not accepted."""
    group = grouped(slow)

    def cut(letters):
        raise OutcomeUnknown("gone")

    slow.before = cut
    with pytest.raises(Unavailable) as caught:
        await group.accept(letter())
    assert caught.value.code == 451


async def test_a_database_that_stays_away_is_a_451(slow):
    """Nobody can tell: the peer is asked to try again."""
    group = grouped(slow)

    def cut(letters):
        raise OutcomeUnknown("gone")

    slow.after, slow.blind = cut, 9
    with pytest.raises(Unavailable):
        await group.accept(letter())


async def test_a_caller_who_leaves_cancels_no_group(slow):
    """His letter is written with the others; theirs are not disturbed."""
    group = grouped(slow)
    slow.gate.clear()
    letters = [letter() for _ in range(3)]
    tasks = [asyncio.create_task(group.accept(given)) for given in letters]
    await settle()
    tasks[0].cancel()
    await settle()
    slow.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [None, None]
    assert len(await slow.known([given.message.id for given in letters])) == 3


async def test_a_caller_who_leaves_before_his_turn_is_not_stored(slow):
    """CASES A11: nobody hears 250, so nothing need be kept; but a result is news, and is written all the same."""
    group = grouped(slow)
    new, first, left = delivery(), letter(), letter()
    await slow.accept([letter(new)])
    (claim,) = await slow.claim([ticket(new)], owner="w", lease=60)
    slow.gate.clear()
    tasks = [asyncio.create_task(group.accept(given)) for given in (first,)]
    await settle()
    tasks += [asyncio.create_task(group.accept(left)), asyncio.create_task(group.finish(result(claim)))]
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[2].cancel()
    slow.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    await settle()
    assert await slow.known([first.message.id, left.message.id]) == {first.message.id}
    assert await slow.list(Selection(message_id=claim.message.id), limit=1) == []


async def test_releases_and_reroutes_go_in_groups(slow):
    """As the others: each his own answer."""
    group = grouped(slow)
    rows = [delivery() for _ in range(3)]
    await slow.accept([letter(new) for new in rows])
    (claim,) = await slow.claim([ticket(rows[0])], owner="w", lease=60)
    back = Release(delivery_id=rows[0].id, epoch=claim.epoch, site="s", delay=1)
    assert await asyncio.gather(group.release(back), group.release(back)) == [True, False]
    moves = (group.reroute(ticket(new, 0), delay=n) for n, new in enumerate(rows))
    assert await asyncio.gather(*moves) == [False, True, True]


async def test_claims_marks_and_results_go_in_groups(slow):
    """Each caller gets his own answer, whatever owner or lease he asked for."""
    group = grouped(slow)
    rows = [delivery() for _ in range(4)]
    await slow.accept([letter(new) for new in rows])
    claims = await asyncio.gather(
        *(group.claim(ticket(new), owner=f"w{n // 2}", lease=60) for n, new in enumerate(rows)),
        group.claim(ticket(rows[0]), owner="late", lease=60),
    )
    assert [claim and claim.delivery_id for claim in claims] == [*(new.id for new in rows), None]
    holds = [hold(claim) for claim in claims[:4]]
    assert await asyncio.gather(*(group.mark_in_doubt(held) for held in holds)) == [True] * 4
    done = await asyncio.gather(*(group.finish(result(claim)) for claim in claims[:4]))
    assert [d.delivery_id for d in done] == [new.id for new in rows]


async def test_a_result_whose_commit_is_unknown_is_said_again(slow):
    """A recipient ends once, so that saying it twice does no harm."""
    group = grouped(slow)
    given = letter()
    await slow.accept([given])

    class World:
        ledger = slow

    claim = await claim_one(World, given.deliveries[0])
    cuts = iter([True])

    def cut(results):
        if next(cuts, False):
            raise OutcomeUnknown("gone")

    slow.after = cut
    await group.finish(result(claim))
    events = (await slow.track(given.message.id)).events
    assert [event.kind.value for event in events] == ["accepted", "attempt", "delivered"]


async def test_close_sees_through_what_was_asked_for(slow):
    """DESIGN I6: letters in line are written before the ledger closes."""
    group = grouped(slow)
    slow.gate.clear()
    task = asyncio.create_task(group.accept(letter()))
    await settle()
    closing = asyncio.create_task(group.close())
    await settle()
    slow.gate.set()
    await closing
    assert await task is None
    with pytest.raises(Unavailable):
        await slow.ping()


async def test_everything_else_is_the_ledgers_own(slow):
    """What is not grouped is passed through."""
    group = grouped(slow)
    assert await group.due_sites(5) == []
