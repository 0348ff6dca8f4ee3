"""Dates and times of IMAP."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.imap import dates

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@given(st.dates(), st.booleans())
def test_every_day_is_read(day, padded):
    """RFC 9051 9: date-text, its day with one digit or two."""
    text = f"{day.day:02d}" if padded else str(day.day)
    assert dates.day(f"{text}-{_MONTHS[day.month - 1].upper()}-{day.year:04d}".encode()) == day


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_every_moment_is_read(moment, minutes):
    """RFC 9051 9: date-time, in any zone of less than a day."""
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    hours, rest = divmod(abs(minutes), 60)
    zone = f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"
    text = f"{moment.day:2d}-{_MONTHS[moment.month - 1]}-{moment.year:04d} {moment:%H:%M:%S} {zone}"
    assert dates.moment(text.encode()) == moment.timestamp()


def test_the_rfcs_example():
    """RFC 3501 6.3.11."""
    assert (
        dates.moment(b"07-Feb-1994 21:52:25 -0800") == datetime(1994, 2, 8, 5, 52, 25, tzinfo=UTC).timestamp()
    )
    assert dates.moment(b" 7-feb-1994 21:52:60 -0800") == dates.moment(b"07-Feb-1994 21:52:59 -0800")
    assert dates.day(b"29-Feb-2024") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    [b"29-Feb-2023", b"0-Jan-2020", b"32-Jan-2020", b"1-Foo-2020", b"1-Jan-20", b"1-Jan-0000", b"001-Jan-2020", b"",
     b"1/Jan/2020", b"1-Jan-2020 ", b"-1-Jan-2020", b"1-Jan-20200"],
)  # fmt: skip
def test_no_day(text):
    """A day that does not exist is refused, not moved."""
    assert dates.day(text) is None


@pytest.mark.parametrize(
    "text",
    [b"7-Feb-1994 21:52:25 -0800", b"07-Feb-1994 24:00:00 +0000", b"07-Feb-1994 00:60:00 +0000",
     b"07-Feb-1994 00:00:61 +0000", b"07-Feb-1994 00:00:00 +2400", b"07-Feb-1994 00:00:00 +0060",
     b"07-Feb-1994 00:00:00 0000", b"07-Feb-1994 00:00:00", b"30-Feb-1994 00:00:00 +0000", b""],
)  # fmt: skip
def test_no_moment(text):
    """As for days."""
    assert dates.moment(text) is None
