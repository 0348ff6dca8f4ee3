"""Dates of RFC 5322 3.3: written strictly, read with the obsolete forms of 4.3.

``parse`` knows day names, two-digit years and the old zone names, ignores comments, and bounds everything: a year
outside 1900-9999 or a day that does not exist is no date, and never an exception.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOURS = {
    "UT": 0,
    "GMT": 0,
    "Z": 0,
    "EDT": -4,
    "EST": -5,
    "CDT": -5,
    "CST": -6,
    "MDT": -6,
    "MST": -7,
    "PDT": -7,
    "PST": -8,
}
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)", re.DOTALL)  # the innermost; RFC 5322 3.2.2 nests them
_DATE = re.compile(
    r"\s*(?:[A-Za-z]{3,9}\s*,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]*[\s-]+(\d{2,4})\s+"
    r"(\d{1,2})\s*:\s*(\d{2})(?:\s*:\s*(\d{2}))?(?:\s*([+-]\d{4}|[A-Za-z]{1,5}))?\s*",
    re.ASCII,
)


def rfc5322(now: float, offset_minutes: int = 0) -> str:
    """Unix seconds as ``Sat, 21 Nov 2026 21:36:21 +0000``, whatever the locale."""
    at = datetime.fromtimestamp(now, timezone(timedelta(minutes=offset_minutes)))
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at:%Y %H:%M:%S %z}"


def parse(text: str) -> float | None:
    """Unix seconds; None for what is no date. An unknown zone counts as UTC, as -0000 does (4.3)."""
    if len(text) > 200:
        return None
    while (outer := _COMMENT.sub(" ", text)) != text:
        text = outer
    m = _DATE.fullmatch(text)
    if m is None or (month := m[2].title()) not in _MONTHS:
        return None
    year, second = _year(m[3]), min(int(m[6] or 0), 59)  # a leap second is the one before it
    try:
        day = datetime(year, _MONTHS.index(month) + 1, int(m[1]), int(m[4]), int(m[5]), second, tzinfo=UTC)
    except ValueError:
        return None
    return None if year < 1900 else day.timestamp() - _offset(m[7] or "")


def _year(digits: str) -> int:
    """RFC 5322 4.3: two digits to 49 are of this century, other two or three digits count from 1900."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _offset(zone: str) -> int:
    """Seconds east of UTC."""
    if zone[:1] in ("+", "-"):
        seconds = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        return -seconds if zone[0] == "-" else seconds
    return _HOURS.get(zone.upper(), 0) * 3600
