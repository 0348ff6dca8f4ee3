"""Dates and times of IMAP (RFC 9051 9: date, date-time), read strictly: a day that does not exist is refused."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
_DATE = re.compile(rb"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
_DATE_TIME = re.compile(
    rb"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"
)


def day(text: bytes) -> date | None:
    """date-text, as ``1-Feb-1994``; None when it is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[3]), _MONTH.get(found[2].lower(), 0), int(found[1]))
    except ValueError:
        return None


def moment(text: bytes) -> float | None:
    """date-time without its quotes, as ``17-Jul-1996 02:44:25 -0700``, in Unix seconds; None when it is none.

    A leap second is the one before it.
    """
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes = int(found[8]), int(found[9])
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    zone = timezone(-offset if found[7] == b"-" else offset)
    try:
        return datetime(
            int(found[3]),
            _MONTH.get(found[2].lower(), 0),
            int(found[1]),
            int(found[4]),
            int(found[5]),
            59 if found[6] == b"60" else int(found[6]),
            tzinfo=zone,
        ).timestamp()
    except (ValueError, OverflowError):
        return None
