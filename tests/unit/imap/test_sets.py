"""Sets of numbers: what they mean in a mailbox, and that they cost what was written."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.imap import sets
from yubin.imap.flaw import Flaw
from yubin.imap.sets import SAVED, STAR, SequenceSet

_NUMBER = st.integers(0, 40)  # 0 is "*"
_RANGES = st.lists(st.tuples(_NUMBER, _NUMBER), min_size=1, max_size=8)


def _written(ranges):
    def number(n):
        return b"*" if n == 0 else b"%d" % n

    return b",".join(number(a) if a == b else number(a) + b":" + number(b) for a, b in ranges)


def _meaning(ranges, largest):
    """RFC 9051 9: seq-range in either order, "*" the largest number in use."""
    found = set()
    for a, b in ranges:
        low, high = sorted((a or largest, b or largest))
        if low:
            found |= set(range(low, high + 1))
    return sorted(found)


@given(_RANGES, st.integers(0, 50))
def test_a_set_means_what_the_rfc_says(ranges, largest):
    """Against the plainest model, in any order and with repeats."""
    read = sets.read(_written(ranges))
    meaning = _meaning(ranges, largest)
    assert list(read.numbers(largest)) == [number for number in meaning if number <= largest]
    resolved = read.resolved(largest)
    assert [number for low, high in resolved for number in range(low, high + 1)] == meaning
    assert all(a[1] + 1 < b[0] for a, b in pairwise(resolved))


@given(_RANGES, st.sets(st.integers(1, 45)).map(sorted))
def test_places_of_uids(ranges, uids):
    """Those that exist are found, "*" being the last; others are no error (RFC 9051 6.4.9)."""
    read = sets.read(_written(ranges))
    meaning = set(_meaning(ranges, uids[-1] if uids else 0))
    found = [uids[place] for places in read.places(uids) for place in places]
    assert found == [uid for uid in uids if uid in meaning]


def test_star_in_an_empty_mailbox_is_nothing():
    """There is no largest number."""
    assert list(sets.read(b"*").numbers(0)) == []
    assert list(sets.read(b"1:*").places([])) == []


def test_star_is_the_last_also_from_above():
    """RFC 9051 9: 559:* has the last message although its UID is 100."""
    assert list(sets.read(b"559:*").places([3, 100])) == [range(1, 2)]


def test_what_was_written():
    """Ranges are kept as they came, for who has to know whether a number exists."""
    read = sets.read(b"5:3,*,7")
    assert read.ranges == ((5, 3), (STAR, STAR), (7, 7))
    assert (read.highest, read.star) == (7, True)
    assert (SAVED.highest, SAVED.star, SAVED.ranges) == (0, False, ())


@pytest.mark.parametrize(
    "text",
    [b"", b"0", b"1,", b",1", b"1:", b":1", b"1:2:3", b"1,,2", b"01", b"-1", b"1 ", b"a", b"1:0", b"4294967296",
     b"1:4294967296", b"99999999999", b"$", b"**", b"1*"],
)  # fmt: skip
def test_no_set(text):
    """CASES H16: nz-number is less than 2^32, and never 0."""
    with pytest.raises(Flaw):
        sets.read(text)


def test_all_numbers():
    """CASES H6: FETCH 1:4294967295 is one range, and no more numbers than there are messages."""
    read = sets.read(b"1:4294967295,4294967295")
    assert read.ranges[0] == (1, 4294967295)
    assert list(read.numbers(3)) == [1, 2, 3]
    assert list(read.places([5, 9])) == [range(2)]


def test_a_hundred_thousand_elements():
    """CASES H6: [LIMIT]; the largest set that is read costs milliseconds, also to resolve."""
    with pytest.raises(Flaw) as flaw:
        sets.read(b",".join([b"%d" % n for n in range(1, 100_001)]))
    assert flaw.value.code == "LIMIT"
    text = b",".join([b"%d:*" % n for n in range(20_000, 0, -1)])
    assert within(0.1, lambda: list(sets.read(text).resolved(20_000)))


@given(st.binary(max_size=20))
def test_nothing_else_is_raised(text):
    """Whatever comes is a set or a Flaw."""
    with suppress(Flaw):
        assert isinstance(sets.read(text), SequenceSet)
