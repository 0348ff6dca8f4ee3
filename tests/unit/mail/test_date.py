"""Dates of RFC 5322: ours are strict, those of others are read if they can be."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.mail.date import parse, rfc5322


@given(st.integers(0, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_what_we_write_is_read_alike_by_others(now, offset):
    """Python's email package and our own parser agree with the clock."""
    text = rfc5322(now, offset)
    assert email.utils.parsedate_to_datetime(text).timestamp() == now == parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 1 Jan 1970 00:00:00 +0000", 0),
        ("1 Jan 1970 00:00 GMT", 0),
        ("Thu, 01-Jan-70 00:00:00 GMT", 0),
        ("Thursday, 1 January 1970 01:00:00 +0100 (CET)", 0),
        ("Thu, 1 Jan (a (nested \\) one) comment) 1970 00:00:00 +0000", 0),
        ("Wed, 31 Dec 1969 19:00:00 EST", 0),
        ("Sat, 31 Dec 2016 23:59:60 +0000", 1483228799),
        ("1 Jan 2000 00:00:00 XYZ", 946684800),
    ],
)
def test_obsolete_forms_are_read(text, expected):
    """RFC 5322 4.3: two-digit years, zone names, comments; an unknown zone is UTC."""
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "1 Jan 0000 00:00:00 +0000", "1 Jan 99999 00:00:00 +0000", "32 Jan 2000 00:00:00 +0000",
    "1 Foo 2000 00:00:00 +0000", "1 Jan 2000 25:00:00 +0000", "1 Jan 2000 00:00:00 +0000" + " " * 10_000, "9" * 5000,
    "1 Jan 2000 ((open) 00:00:00 +0000", "(" * 200])  # fmt: skip
def test_what_is_no_date_is_none(text):
    """CASES G11: year 0 and year 99999 are no dates, and no errors."""
    assert parse(text) is None
