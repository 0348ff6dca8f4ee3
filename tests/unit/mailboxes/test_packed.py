"""Columns as octets: what goes out comes back, in an order of octets that does not depend on the machine."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Internal
from yubin.mailboxes import packed

COLUMNS = st.lists(st.integers(0, 2**64 - 1), max_size=20)


@given(COLUMNS)
def test_numbers_come_back(column):
    """As an array, from a list, a tuple or an array; the lowest octet goes first."""
    octets = b"".join(number.to_bytes(8, "little") for number in column)
    for given_as in (column, tuple(column), array("Q", column)):
        assert packed.octets(given_as) == octets
        assert list(given_as) == column  # nothing of the caller's was turned round
    assert packed.numbers(octets) == array("Q", column)


@given(COLUMNS)
def test_what_postgresql_sends(column):
    """The highest octet goes first there."""
    assert packed.sent(b"".join(number.to_bytes(8, "big") for number in column)) == array("Q", column)


@pytest.mark.parametrize("read", [packed.numbers, packed.sent])
def test_half_a_number_is_refused(read):
    """A column that was cut is a failure that the client hears of, and no crash."""
    with pytest.raises(Internal):
        read(b"\0" * 12)


@given(COLUMNS)
def test_the_lowest_octet_of_each(column):
    """Where the flags are that every mailbox has."""
    assert packed.lowest(column) == bytes(number & 0xFF for number in column)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_numbers_of_four_octets(column):
    """UIDs are kept so."""
    for given_as in (column, array("Q", column)):
        made = packed.narrow(given_as)
        assert (made, made.typecode) == (array("I", column), "I")


@pytest.mark.parametrize("number", [2**32, 2**63, 2**64 - 1])
def test_a_number_that_needs_more_than_four(number):
    """It is not cut into another one."""
    with pytest.raises(OverflowError):
        packed.narrow([1, number, 2])
