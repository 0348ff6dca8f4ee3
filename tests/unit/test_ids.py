from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin import ids
from yubin.errors import Invalid


@given(st.uuids())
def test_a_number_is_read_back(value):
    """Every id has one number of 26 characters, and the number leads back."""
    text = ids.number(value)
    assert len(text) == 26
    assert ids.parse_number(text) == value
    assert ids.parse_number(text.lower().replace("1", "l").replace("0", "o")) == value


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text):
    """What a person types never raises anything but Invalid."""
    try:
        value = ids.parse_number(text)
    except Invalid:
        return
    assert value.int < 1 << 128


def test_numbers_sort_by_time():
    """UUIDv7 (RFC 9562 5.7): later letters have larger numbers."""
    early, late = ids.uuid7(now=1_000_000.001), ids.uuid7(now=1_000_000.002)
    assert ids.number(early) < ids.number(late)
    assert (early.version, early.variant) == (7, "specified in RFC 4122")


@pytest.mark.parametrize("text", ["8" + "0" * 25, "Z" * 26, "U" * 26])
def test_a_number_above_128_bits_is_refused(text):
    """26 characters hold 130 bits; the upper two must be zero."""
    with pytest.raises(Invalid):
        ids.parse_number(text)
