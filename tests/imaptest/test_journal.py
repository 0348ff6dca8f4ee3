"""The books of the game: letters that are lost, doubled, or come back are noticed in the end."""

from __future__ import annotations

from tests.imaptest import letters
from tests.imaptest.ending import Message, judge
from tests.imaptest.journal import Fact, Journal

KEEP, ANY = letters.letter(1, keep=True), letters.letter(2, keep=False)


def game(*made: letters.Letter) -> Journal:
    journal = Journal(["a", "b"])
    for uid, one in enumerate(made, 1):
        journal.new_letter(one)
        journal.appended.add(one.message_id)
        assert not journal.born(journal.boxes["a"], uid, 1, Fact(message_id=one.message_id))
    return journal


def there(**uids: dict[int, letters.Letter]) -> dict[str, dict[int, Message]]:
    found = {
        name: {uid: Message(flags=frozenset(), octets=one.octets) for uid, one in box.items()}
        for name, box in uids.items()
    }
    return {"a": {}, "b": {}} | found


def wrong(journal: Journal, truth: dict[str, dict[int, Message]]) -> int:
    judge(journal, truth)
    return len(journal.wrong)


def test_all_is_well():
    """Where they were put, or where MOVE said that they are."""
    assert not wrong(game(KEEP, ANY), there(a={1: KEEP, 2: ANY}))
    journal = game(KEEP)
    a, b = journal.boxes["a"], journal.boxes["b"]
    a.leaving.add(1)
    assert not journal.copied(a, b, [(1, 4)], 1)
    a.moved.add(1)
    assert not wrong(journal, there(b={4: KEEP}))


def test_a_letter_is_lost_or_doubled_by_move():
    """CASES H10: MOVE that was never answered may have happened or not, and nothing else."""
    for truth, trouble in (
        (there(a={1: KEEP}), False),
        (there(b={1: KEEP}), False),
        (there(), True),
        (there(a={1: KEEP}, b={1: KEEP}), True),
    ):
        journal = game(KEEP)
        journal.boxes["a"].leaving.add(1)
        assert bool(wrong(journal, truth)) is trouble


def test_a_letter_goes_without_a_wish():
    """Only what somebody has marked as deleted, or moved, may go."""
    assert wrong(game(ANY), there()) == 1
    journal = game(ANY)
    journal.boxes["a"].mortal.add(1)
    assert not wrong(journal, there())


def test_what_has_gone_comes_back():
    """An expunged UID is there again, or a letter has another's octets, or nobody's."""
    journal = game(ANY)
    journal.boxes["a"].gone.add(1)
    assert wrong(journal, there(a={1: ANY})) == 1
    assert wrong(game(KEEP, ANY), there(a={1: ANY, 2: KEEP})) == 2
    stranger = Message(flags=frozenset(), octets=b"Subject: x\r\n\r\n")
    assert wrong(game(), {"a": {1: stranger}, "b": {}}) == 1


def test_a_uid_is_given_again():
    """RFC 9051 2.3.1.1: a new UID is above all that were seen when the command was sent."""
    journal = game(ANY)
    box = journal.boxes["a"]
    assert journal.born(box, 1, 1, Fact())  # twice
    journal.seen(box, 9)
    assert journal.born(box, 8, box.floor, Fact())  # below one that was seen
    assert journal.seen(box, 1, message_id=KEEP.message_id)  # another letter
