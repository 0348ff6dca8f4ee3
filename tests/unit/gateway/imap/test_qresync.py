"""Sets of UIDs as ranges, against plain sets."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.imap.qresync import _agreed, _cut, _gaps, _joined, _lines
from yubin.imap.sets import read

UIDS = st.sets(st.integers(1, 40))


def ranges(numbers):
    return list(_joined((n, n) for n in sorted(numbers)))


def spread(pairs):
    return {n for low, high in pairs for n in range(low, high + 1)}


@given(UIDS, st.integers(0, 5))
def test_gaps(uids, more):
    """What no message has, below UIDNEXT."""
    uidnext = max(uids, default=0) + 1 + more
    assert spread(_gaps(sorted(uids), uidnext)) == set(range(1, uidnext)) - uids


@given(UIDS, UIDS)
def test_what_both_have(one, other):
    """Also where ranges overlap in any way."""
    assert spread(_cut(ranges(one), ranges(other))) == one & other


def test_neighbours_are_one_range():
    """RFC 9051 9: 2:4, not 2,3,4; also ranges that touch."""
    assert list(_lines(_joined([(2, 2), (3, 4), (6, 6)]))) == ["2:4,6"]


def test_a_long_set_is_several_responses():
    """RFC 7162 4: lines of 8,000 octets."""
    lines = list(_lines((n, n) for n in range(1, 20_000, 2)))
    assert len(lines) > 5
    assert max(map(len, lines)) < 8200
    assert ",".join(lines) == ",".join(str(n) for n in range(1, 20_000, 2))


def test_where_numbers_and_uids_still_agree():
    """RFC 7162 3.2.5.2: up to the first pair that does not hold."""
    uids = [1, 4, 6, 8]
    assert _agreed((read(b"1,3,4"), read(b"1,6,9")), uids) == 6
    assert _agreed((read(b"1"), read(b"2")), uids) == 0
    assert _agreed((read(b"1:9"), read(b"1:9")), uids) == 1
