"""The maildrop: INBOX as it was at login (RFC 1939 4), its messages numbered from 1, and what the session did to them.

Numbers hold for the whole session, whatever others do to INBOX meanwhile. A message is named by UIDVALIDITY and UID,
both of 32 bits and in hexadecimal: the same in every session and after every restart (RFC 1939 7, UIDL; CASES H13).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yubin.errors import NotFound


class Maildrop:
    """``uids`` ascending and ``sizes`` in octets, columns of equal length."""

    __slots__ = ("deleted", "retrieved", "sizes", "uids", "uidvalidity")

    def __init__(self, uidvalidity: int, uids: Sequence[int], sizes: Sequence[int]) -> None:
        self.uidvalidity, self.uids, self.sizes = uidvalidity, uids, sizes
        self.deleted: set[int] = set()  # message numbers
        self.retrieved: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return 0 < number <= len(self.uids) and number not in self.deleted

    def message(self, number: int) -> int:
        """``number``; raises NotFound when there is no such message, or it is marked as deleted."""
        if not 0 < number <= len(self.uids) or number in self.deleted:
            raise NotFound("There is no such message")
        return number

    def numbers(self) -> Iterator[int]:
        """Of the messages that are not marked as deleted."""
        return (number for number in range(1, len(self.uids) + 1) if number not in self.deleted)

    def size(self, number: int) -> int:
        return self.sizes[number - 1]

    def uid(self, number: int) -> int:
        return self.uids[number - 1]

    def unique_id(self, number: int) -> str:
        """At most 70 characters of 0x21 to 0x7E (RFC 1939 7)."""
        return f"{self.uidvalidity:08x}{self.uid(number):08x}"

    @property
    def count(self) -> int:
        return len(self.uids) - len(self.deleted)

    @property
    def octets(self) -> int:
        return sum(self.sizes) - sum(map(self.size, self.deleted))


NONE = Maildrop(0, (), ())
