"""The columns of a selected mailbox against a plain list: numbers, sets, what goes and what comes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.imap.replies import BadCommand
from services.gateway.imap.selected import OWN, Selected
from yubin.imap.sets import SAVED, read
from yubin.mailboxes.port import Delivered, Mailbox, View

BOX = Mailbox(
    id=1, name="INBOX", uidvalidity=1, uidnext=100, modseq=9, expunged_floor=0, first_recent=8, special_use="",
    subscribed=True, messages=0, unseen=0, deleted=0, size=0,
)  # fmt: skip


def made(*uids):
    selected = Selected(replace(BOX, messages=len(uids)), read_only=False)
    n = len(uids)
    selected.load(View(state=BOX, keywords=(), uids=uids, flags=[0] * n, modseqs=[5] * n, sizes=[10] * n))
    selected.told = n
    return selected


def test_numbers_and_uids():
    """RFC 9051 2.3.1.2: a UID that is not here has the number 0."""
    selected = made(2, 5, 9)
    assert [selected.seq(uid) for uid in (1, 2, 5, 9, 10)] == [0, 1, 2, 3, 0]
    assert selected.recent == 1


@pytest.mark.parametrize(
    ("written", "uid", "uids"),
    [
        (b"1:2", False, [2, 5]),
        (b"3,1", False, [2, 9]),
        (b"*", False, [9]),
        (b"*:2", False, [5, 9]),
        (b"1:4,5:7", True, [2, 5]),
        (b"100:*", True, [9]),
        (b"3", True, []),
        (b"1:4294967295", True, [2, 5, 9]),
    ],
)
def test_sets(written, uid, uids):
    """RFC 9051 9 sequence-set: by number, by UID, "*" the last one, also as the lower end."""
    assert made(2, 5, 9).resolve(read(written), uid) == uids


@pytest.mark.parametrize(
    ("uids", "written"), [((2, 5, 9), b"4"), ((2, 5, 9), b"1:4"), ((), b"*"), ((), b"1:*")]
)
def test_a_number_that_nothing_has(uids, written):
    """RFC 9051 9: BAD; also "*" in an empty mailbox."""
    with pytest.raises(BadCommand):
        made(*uids).resolve(read(written), False)


def test_a_saved_result_loses_what_is_gone():
    """RFC 5182 2.1."""
    selected = made(2, 5, 9)
    selected.saved = [2, 9]
    selected.drop([9])
    assert selected.resolve(SAVED, True) == [2]


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_what_goes(uids, gone):
    """Few or many: the numbers are those before, the columns what is left, and all of one length."""
    selected = made(*sorted(uids))
    selected.gone = set(gone)
    numbers = selected.drop(gone)
    assert numbers == [n for n, uid in enumerate(sorted(uids), 1) if uid in gone]
    assert list(selected.uids) == sorted(uids - gone)
    assert {len(c) for c in (selected.uids, selected.flags, selected.modseqs, selected.sizes)} == {
        len(uids - gone)
    }
    assert selected.told == len(uids - gone)
    assert selected.gone == set()


def test_own_changes_are_noted():
    """What was told with STORE is known; of a UID that is not here nothing is noted."""
    selected = made(2, 5)
    selected.note([5, 7], [1, 1], [20, 20], ("k",))
    assert list(selected.flags) == [0, 1]
    assert list(selected.modseqs) == [5, 20]
    assert selected.keywords == ("k",)


class Deaf:
    """A session that is told."""

    rev2 = False

    def __init__(self):
        self.said = b""

    def write(self, octets):
        self.said += octets


def place(uid, modseq):
    return Delivered(mailbox_id=1, uidvalidity=1, uid=uid, modseq=modseq)


def test_an_own_change_is_known():
    """RFC 7162 3.1: what follows at once is known up to there; behind a gap it alone is."""
    selected = made(2)
    selected.modseq = 9
    assert selected.did(10)
    assert (selected.modseq, selected.own) == (10, ())
    assert not selected.did(12)
    assert [selected.knows(modseq) for modseq in (9, 10, 11, 12, 13)] == [True, True, False, True, False]


def test_a_stores_own_answer_raises_nothing():
    """It may be another's MODSEQ; and an old one is not remembered."""
    selected = made(2)
    selected.modseq = 9
    selected.note([2], [1], [10])
    assert (selected.modseq, selected.own) == (9, (10,))
    selected.note([2], [1], [8])
    assert selected.own == (10,)


def test_own_changes_are_bounded():
    """I7: the latest are remembered."""
    selected = made()
    for modseq in range(100, 100 + 2 * OWN):
        selected.did(modseq)
    assert selected.own == tuple(range(100 + OWN, 100 + 2 * OWN))


def test_appended_letters():
    """They are told with EXISTS and RECENT, and the next UID is known."""
    selected, session = made(99), Deaf()
    assert selected.appended(session, [place(100, 20), place(101, 22)], [1, 0], [7, 8])
    assert session.said == b"* 3 EXISTS\r\n* 3 RECENT\r\n"
    assert (list(selected.uids), list(selected.flags)) == ([99, 100, 101], [0, 1, 0])
    assert (list(selected.modseqs), list(selected.sizes)) == ([5, 20, 22], [10, 7, 8])
    assert selected.mailbox.uidnext == 102


@pytest.mark.parametrize("uids", [(101,), (100, 102), (99,)])
def test_appended_letters_behind_others(uids):
    """Nothing is taken in where a UID between them belongs to somebody else."""
    selected, session = made(99), Deaf()
    assert not selected.appended(session, [place(uid, 20) for uid in uids], [0] * len(uids), [1] * len(uids))
    assert (session.said, list(selected.uids), selected.mailbox.uidnext) == (b"", [99], 100)
