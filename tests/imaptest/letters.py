"""The letters of the game: whoever sees a Message-ID knows every octet that belongs to it.

``keep`` letters are moved and marked, and never deleted or copied: in the end each is in exactly one place. Whatever may
happen to the others does.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_ID = re.compile(rb"^Message-ID: *(<(?:keep|any)-\d+@imaptest>)\r$", re.MULTILINE | re.IGNORECASE)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """``date``: the INTERNALDATE that it was appended with."""

    message_id: bytes
    octets: bytes
    date: datetime

    @property
    def keep(self) -> bool:
        return is_keep(self.message_id)


def is_keep(message_id: bytes | None) -> bool:
    return message_id is not None and message_id.startswith(b"<keep-")


def letter(number: int, *, keep: bool) -> Letter:
    chance = random.Random(number)
    message_id = b"<%b-%d@imaptest>" % (b"keep" if keep else b"any", number)
    lines = [b"%d %x" % (n, chance.getrandbits(400)) for n in range(chance.choice([1, 3, 20, 200]))]
    head = (
        b"From: Player <player@imaptest>",
        b"To: =?UTF-8?B?55u45omL?= <other@imaptest>",
        b"Subject: game %d" % number,
        b"Date: Mon, 3 Mar 2025 10:00:00 +0900",
        b"Message-ID: " + message_id,
        b"",
    )
    zone = timezone(timedelta(hours=chance.randint(-11, 12)))
    date = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(150_000_000))
    return Letter(
        message_id=message_id, octets=b"\r\n".join([*head, *lines, b""]), date=date.astimezone(zone)
    )


def message_id(header: bytes) -> bytes | None:
    found = _ID.search(header)
    return found[1] if found else None


def date_time(date: datetime) -> bytes:
    """RFC 9051 9."""
    return f'"{date.day:02d}-{_MONTHS[date.month - 1]}-{date:%Y %H:%M:%S %z}"'.encode()


def instant(text: bytes) -> datetime:
    """Raises ValueError."""
    day, month, rest = text.decode().lstrip().split("-", 2)
    return datetime.strptime(f"{day} {1 + _MONTHS.index(month)} {rest}", "%d %m %Y %H:%M:%S %z")
