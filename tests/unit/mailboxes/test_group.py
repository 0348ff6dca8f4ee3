"""Group commit over a store of mailboxes that can be made to wait and to fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contract.mailboxes import KEN, MARI, letter, whole, words
from yubin.database.failures import CommitUnknown
from yubin.errors import Exhausted, Internal, NotFound, Unavailable
from yubin.mailboxes.group import Grouped
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import How

SEEN = frozenset({"\\Seen"})


class Slow(MemoryMailboxes):
    """Each batch waits for ``gate``. ``before`` and ``after`` may raise, before or after a change was made."""

    def __init__(self):
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches = []
        self.before = self.after = lambda items: None

    async def deliver(self, letters):
        self.batches.append(letters)
        await self.gate.wait()
        return await self._told(letters, super().deliver(letters))

    async def store(self, *args, **more):
        return await self._told(args, super().store(*args, **more))

    async def expunge(self, *args, **more):
        return await self._told(args, super().expunge(*args, **more))

    async def copy(self, *args, **more):
        return await self._told(args, super().copy(*args, **more))

    async def lease(self, *args, **more):
        return await self._told(args, super().lease(*args, **more))

    async def index(self, letters):
        return await self._told(letters, super().index(letters))

    async def _told(self, asked, done):
        try:
            self.before(asked)
            answer = await done
        finally:
            done.close()
        self.after(asked)
        return answer

    def cut(self, times=1, *, when="after"):
        """The connection goes, so many times, before the commit happens or after it."""
        left = iter(range(times))

        def lost(_):
            if next(left, None) is not None:
                raise CommitUnknown("gone")

        setattr(self, when, lost)


@pytest.fixture
def slow():
    return Slow()


def grouped(store, **more):
    return Grouped(store, pauses=(0, 0, 0), **more)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def waiting(group, slow, letters):
    """Tasks for letters that all wait while the gate is shut, the first of them alone."""
    slow.gate.clear()
    tasks = [asyncio.create_task(group.deliver(letters[0]))]
    await settle()
    tasks += [asyncio.create_task(group.deliver(given)) for given in letters[1:]]
    await settle()
    slow.gate.set()
    return tasks


async def test_what_arrives_meanwhile_makes_the_next_group(slow):
    """No timer: the first goes alone, the rest together, never more than the limit; each hears his own place."""
    group = grouped(slow, limit=4)
    letters = [letter(f"a{n % 3}", b"%d" % n) for n in range(10)]
    tasks = await waiting(group, slow, letters)
    places = await asyncio.gather(*tasks)
    assert [len(batch) for batch in slow.batches] == [1, 4, 4, 1]
    for given, place in zip(letters, places, strict=True):
        assert await slow.find(given.account, given.letter_id) == ((place.mailbox_id, place.uid),)


async def test_a_group_goes_in_the_order_of_locks(slow):
    """By account, then by mailbox, in the order in which they came: no two pods wait for each other."""
    group = grouped(slow)
    asked = [(MARI, 2), (KEN, 1), (MARI, 1), (KEN, 1), (MARI, 2)]
    letters = [letter(), *(letter(account, mailbox_id=id_) for account, id_ in asked)]
    await asyncio.gather(*await waiting(group, slow, letters))
    assert slow.batches[1] == [letters[2], letters[4], letters[3], letters[1], letters[5]]


async def test_one_refused_letter_is_raised_to_who_brought_it(slow):
    """Others of its group are delivered."""
    group = grouped(slow)
    letters = [letter(), letter(mailbox_id=99), letter(quota=1), letter()]
    answers = await asyncio.gather(*await waiting(group, slow, letters), return_exceptions=True)
    assert [type(answer) for answer in answers[1:3]] == [NotFound, Exhausted]
    assert [answers[0].uid, answers[3].uid] == [1, 2]
    assert len(slow.batches) == 2


async def test_one_bad_letter_harms_only_itself(slow):
    """A group that fails for its content is tried one by one; the others are delivered."""
    group = grouped(slow)
    bad = letter()

    def refuse(letters):
        if bad in letters:
            raise ValueError("a NUL in the text")

    slow.before = refuse
    answers = await asyncio.gather(
        *await waiting(group, slow, [letter(), letter(), bad]), return_exceptions=True
    )
    assert isinstance(answers[2], Internal)
    assert answers[2].text == "the mailboxes refused this letter"
    assert [answer.uid for answer in answers[:2]] == [1, 2]


async def test_a_full_disk_is_everybodys_452_and_passes(slow):
    """CASES A9: the store's failure reaches each, as an exception of its own; the same letters later are taken."""
    group = grouped(slow)

    def full(letters):
        raise Unavailable("the disk is full", code=452, enhanced="4.3.1")

    slow.before = full
    letters = [letter() for _ in range(4)]
    answers = await asyncio.gather(*await waiting(group, slow, letters), return_exceptions=True)
    assert [(answer.code, answer.enhanced) for answer in answers] == [(452, "4.3.1")] * 4
    assert len(set(map(id, answers))) == 4
    assert [len(batch) for batch in slow.batches] == [1, 3]
    slow.before = lambda items: None
    places = await asyncio.gather(*(group.deliver(given) for given in letters))
    assert sorted(place.uid for place in places) == [1, 2, 3, 4]


async def test_an_unknown_commit_is_delivered_again(slow):
    """CASES A11: whether it happened or not, there is one letter and one place; the second look may fail too."""
    group = grouped(slow)
    given = letter()
    slow.cut(2)
    place = await group.deliver(given)
    assert (place.uid, place.fresh) == (1, False)
    assert len(slow.batches) == 3
    slow.cut(2, when="before")
    place = await group.deliver(letter())
    assert (place.uid, place.fresh) == (2, True)
    assert list((await whole(slow, MARI, 1)).uids) == [1, 2]


async def test_a_database_that_stays_away_is_a_451(slow):
    """Nobody can tell: whoever brought it is asked to try again, and is then told his place."""
    group = grouped(slow)
    given = letter()
    slow.cut(99)
    with pytest.raises(Unavailable) as caught:
        await group.deliver(given)
    assert caught.value.code == 451
    slow.cut(0)
    assert (await group.deliver(given)).uid == 1


async def test_a_caller_who_leaves_cancels_no_group(slow):
    """His letter is delivered with the others when it was under way; before that it is not stored at all."""
    group = grouped(slow)
    letters = [letter() for _ in range(3)]
    slow.gate.clear()
    tasks = [asyncio.create_task(group.deliver(given)) for given in letters[:1]]
    await settle()
    tasks += [asyncio.create_task(group.deliver(given)) for given in letters[1:]]
    await settle()
    tasks[0].cancel()
    tasks[1].cancel()
    slow.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [True, True, False]
    assert await slow.find(MARI, letters[0].letter_id) == ((1, 1),)
    assert await slow.find(MARI, letters[1].letter_id) == ()


async def test_close_sees_through_what_was_asked_for(slow):
    """DESIGN I6: letters in line are written before the store closes."""
    group = grouped(slow)
    slow.gate.clear()
    task = asyncio.create_task(group.deliver(letter()))
    await settle()
    closing = asyncio.create_task(group.close())
    await settle()
    slow.gate.set()
    await closing
    assert (await task).uid == 1
    with pytest.raises(Unavailable):
        await slow.ping()


# ── what may be said twice ──


async def test_changes_that_may_be_said_twice_are(slow):
    """Flags, an expunge of given UIDs, a lease, the index: the answer was lost, and nobody notices."""
    group = grouped(slow)
    given = letter()
    await group.deliver(given)
    await group.deliver(letter())
    slow.cut()
    stored = await group.mailboxes.store(MARI, 1, [1], How.ADD, SEEN)
    assert (list(stored.uids), list(stored.flags)) == ([1], [1])
    slow.cut()
    assert await group.mailboxes.lease(MARI, "pop3", "one", 60)
    slow.cut()
    await group.mailboxes.index([words(given, "tea")])
    slow.cut()
    await group.mailboxes.expunge(MARI, 1, [1], only_deleted=False)
    assert list((await whole(group.mailboxes, MARI, 1)).uids) == [2]


async def test_changes_that_may_not_be_said_twice_are_not(slow):
    """A copy, a store that depends on a MODSEQ, an expunge of whatever is marked: the caller hears 451 and looks."""
    group = grouped(slow)
    await group.deliver(letter())
    for change in (
        lambda: group.mailboxes.copy(MARI, 1, [1], 2, move=False),
        lambda: group.mailboxes.store(MARI, 1, [1], How.ADD, SEEN, unchanged_since=99),
        lambda: group.mailboxes.expunge(MARI, 1, None),
    ):
        slow.cut()
        with pytest.raises(CommitUnknown):
            await change()
    assert list((await whole(slow, MARI, 2)).uids) == [1]


async def test_everything_else_is_the_stores_own(slow):
    """What is not grouped is passed through, name for name."""
    group = grouped(slow)
    place = await group.deliver(replace(letter(), special_use="\\Junk"))
    assert (await group.mailboxes.mailbox(MARI, place.mailbox_id)).messages == 1
    for name in (name for name in vars(MemoryMailboxes) if not name.startswith("_")):
        assert callable(getattr(group.mailboxes, name))
