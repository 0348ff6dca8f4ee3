"""The checker of the mailbox chaos finds what it is there to find: a short history and its end, each lie in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.mailbox_checker import End, Kept, judge
from tests.e2e.mailbox_journal import Line
from tests.e2e.mailbox_watcher import Picture
from yubin.mailboxes.port import Mailbox, Usage, View

BODY = b"Subject: x\r\n\r\nhello\r\n"
DIGEST = hashlib.sha256(BODY).hexdigest()
SEEN, DELETED = "\\Seen", "\\Deleted"


class History:
    """Of one client; each line is said after the one before it was answered."""

    def __init__(self, *, commons: bool = False) -> None:
        self.lines: list[Line] = []
        self.commons = commons

    def say(self, kind: str, **values: Any) -> History:
        n = len(self.lines)
        line = Line(client=0, kind=kind, began=n, ended=n + 0.5, modseq=n + 10, commons=self.commons)
        self.lines.append(replace(line, **values))
        return self

    def deliver(self, letter: str, mailbox: int, uid: int) -> History:
        return self.say("deliver", letter=letter, answer=[mailbox, uid], digest=DIGEST, size=len(BODY))


def kept(letter: str, *flags: str, digest: str = DIGEST) -> Kept:
    return Kept(letter=letter, flags=frozenset(flags), modseq=5, size=len(BODY), digest=digest)


def mailbox(number: int, here: Sequence[Kept], **more: Any) -> Mailbox:
    given = {
        "id": number, "name": f"m{number}", "uidvalidity": 1, "uidnext": 100, "modseq": 100, "expunged_floor": 0,
        "first_recent": 1, "special_use": "", "subscribed": True, "messages": len(here),
        "unseen": sum(SEEN not in one.flags for one in here), "deleted": sum(DELETED in one.flags for one in here),
        "size": sum(one.size for one in here),
    }  # fmt: skip
    return Mailbox(**{**given, **more})


def end(entries: dict[tuple[int, int], Kept], **more: Any) -> End:
    """With counters that fit, but for ``more`` of the first mailbox."""
    boxes = [[one for (where, _), one in entries.items() if where == number] for number in (1, 2)]
    states = (mailbox(1, boxes[0], **more), mailbox(2, boxes[1]))
    used = sum(one.size for one in entries.values())
    return End(mailboxes=states, entries=entries, usage=Usage(used=used, messages=len(entries)))


def wrong(history: History, entries: dict[tuple[int, int], Kept], **more: Any) -> list[str]:
    return judge([history.lines], end(entries, **more), []).wrong


def test_a_true_history():
    """Delivered, marked, copied, moved, expunged; the end is what was heard."""
    history = History().deliver("a", 1, 1).deliver("b", 1, 2)
    history.say("store", source=1, asked=((1, "a"),), how="add", flags=(SEEN,), answer=[[1, [SEEN]]])
    history.say("copy", source=1, target=2, asked=((1, "a"), (2, "b")), answer=[[1, 1], [2, 2]])
    history.say("move", source=1, target=2, asked=((1, "a"),), answer=[[1, 3]])
    history.say("expunge", source=2, asked=((2, "b"),), answer=[2])
    there = {(2, 1): kept("a", SEEN), (2, 3): kept("a", SEEN), (1, 2): kept("b")}
    assert wrong(history, there) == []


@pytest.mark.parametrize(
    "there",
    [
        {},
        {(1, 1): kept("a"), (1, 2): kept("a")},
        {(1, 2): kept("a")},
        {(1, 1): kept("a", SEEN)},
        {(1, 1): kept("a", digest="0")},
    ],
    ids=["lost", "doubled", "elsewhere", "marked", "changed"],
)
def test_a_letter_that_is_not_as_it_was_left(there):
    """One letter was delivered, and nothing else said."""
    assert wrong(History().deliver("a", 1, 1), there)


MAYBE = History().deliver("a", 1, 1).deliver("b", 1, 2)
MAYBE.say("move", source=1, target=2, asked=((1, "a"), (2, "b")), heard=False)


@pytest.mark.parametrize(
    ("there", "found", "done"),
    [
        ({(1, 1): "a", (1, 2): "b"}, False, (0, 1)),
        ({(2, 1): "a", (2, 2): "b"}, False, (1, 0)),
        ({(1, 1): "a", (2, 2): "b"}, True, (1, 1)),
        ({(1, 1): "a", (1, 2): "b", (2, 2): "b"}, True, (0, 1)),
        ({(1, 1): "a"}, True, (0, 1)),
    ],
    ids=["not done", "done", "by half", "doubled", "lost"],
)
def test_a_move_without_an_answer(there, found, done):
    """Done whole or not at all is right; half of it, two places, and none are not."""
    verdict = judge([MAYBE.lines], end({place: kept(letter) for place, letter in there.items()}), [])
    assert bool(verdict.wrong) == found
    assert (verdict.done, verdict.undone) == done


def test_what_was_seen_afterwards_binds():
    """Who looked and saw it moved may not find it unmoved later."""
    history = History().deliver("a", 1, 1).say("move", source=1, target=2, asked=((1, "a"),), heard=False)
    history.say("look", source=1, target=2, answer=[[2, 7, "a", []]])
    assert wrong(history, {(2, 7): kept("a")}) == []
    assert wrong(history, {(1, 1): kept("a")})
    assert wrong(history, {(2, 8): kept("a")})


def test_an_expunge_takes_only_what_is_marked():
    """``only_deleted``: an answer that names an unmarked letter is false."""
    history = History().deliver("a", 1, 1)
    history.say("expunge", source=1, asked=((1, "a"),), only_deleted=True, answer=[1])
    assert wrong(history, {})


def test_uids():
    """One that was two letters, one given out twice, one that is below what was heard before."""
    twice = History().deliver("a", 1, 1).deliver("b", 1, 1)
    assert any("was a and b" in one or "was b and a" in one for one in wrong(twice, {(1, 1): kept("b")}))
    falling = History().deliver("a", 1, 9).deliver("b", 1, 2)
    found = wrong(falling, {(1, 9): kept("a"), (1, 2): kept("b")})
    assert found == ["UID 2 of 1 was given out after 9"]


def test_modseqs():
    """A change that is answered later has the higher MODSEQ."""
    history = History().deliver("a", 1, 1).deliver("b", 1, 2)
    history.lines[1] = replace(history.lines[1], modseq=3)
    assert wrong(history, {(1, 1): kept("a"), (1, 2): kept("b")}) == ["MODSEQ 3 of 1 was given out after 10"]


def test_a_delivery_said_again():
    """The same place, and not a new one."""
    history = History().deliver("a", 1, 1).say("again", letter="a", answer=[1, 1], repeated=True)
    assert wrong(history, {(1, 1): kept("a")}) == []
    history.say("again", letter="a", answer=[1, 2], repeated=False)
    assert any("delivered twice" in one for one in wrong(history, {(1, 1): kept("a"), (1, 2): kept("a")}))


def test_the_commons():
    """A move without an answer neither doubles nor loses; an entry is taken once; only an expunge makes a letter go."""
    brought = History(commons=True).deliver("a", 1, 1)
    moved = History(commons=True)
    moved.say("move", source=1, target=2, asked=((1, "a"),), heard=False)

    def found(*histories: History, there: dict[tuple[int, int], Kept]) -> list[str]:
        return judge([one.lines for one in histories], end(there), []).wrong

    for there in ({(1, 1): kept("a")}, {(2, 4): kept("a")}):
        assert found(brought, moved, there=there) == []
    assert found(brought, moved, there={})
    assert found(brought, moved, there={(1, 1): kept("a"), (2, 4): kept("a")})
    heard = History(commons=True)
    heard.say("move", source=1, target=2, asked=((1, "a"),), answer=[[1, 4]])
    assert any("taken 2 times" in one for one in found(brought, heard, heard, there={(2, 4): kept("a")}))
    gone = History(commons=True).say("expunge", source=1, asked=((1, "a"),), answer=[1])
    assert found(brought, gone, there={}) == []
    assert found(brought, gone, there={(1, 1): kept("a")})


@pytest.mark.parametrize("counter", ["messages", "unseen", "deleted", "size"])
def test_a_counter_that_is_off_by_one(counter):
    """Of a mailbox; the letter itself is all right."""
    there = {(1, 1): kept("a")}
    history = History().deliver("a", 1, 1)
    right = getattr(end(there).mailboxes[0], counter)
    assert wrong(history, there, **{counter: right}) == []
    assert len(wrong(history, there, **{counter: right + 1})) == 1


def page(modseq: int, uidnext: int, entries: dict[int, int], expunged: Sequence[int] | None = ()) -> View:
    """``entries``: UID → MODSEQ."""
    return View(
        state=mailbox(1, [], modseq=modseq, uidnext=uidnext), keywords=(), uids=[*entries],
        flags=[0] * len(entries), modseqs=[*entries.values()], sizes=[1] * len(entries), expunged=expunged,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (page(9, 4, {2: 9}), "appeared after UIDNEXT was 4"),
        (page(9, 4, {1: 4}), "which 5 had passed"),
        (page(4, 4, {}), "went back"),
        (page(9, 4, {}, None), "are forgotten"),
    ],
    ids=["a gap filled later", "an old MODSEQ", "numbers go back", "forgotten"],
)
def test_a_watcher_notices(second, what):
    """After an answer with UIDs 1 and 3, UIDNEXT 4 and HIGHESTMODSEQ 5."""
    picture = Picture()
    picture.take([page(5, 4, {1: 2, 3: 5})])
    assert picture.wrong == []
    picture.take([second])
    assert any(what in one for one in picture.wrong)


def test_a_watcher_that_missed_a_change():
    """Its picture is not the end; one that followed has the same flags and MODSEQs."""
    history, there = History().deliver("a", 1, 1), {(1, 1): kept("a", SEEN)}
    history.say("store", source=1, asked=((1, "a"),), how="add", flags=(SEEN,), answer=[[1, [SEEN]]])
    good, bad = (Picture(entries={1: (flags, 5)}) for flags in ([SEEN], []))
    assert judge([history.lines], end(there), [{1: good}]).wrong == []
    assert len(judge([history.lines], end(there), [{1: bad}]).wrong) == 1
    assert len(judge([history.lines], end(there), [{1: Picture()}]).wrong) == 1
