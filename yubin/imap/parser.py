"""What several commands have in common (RFC 9051 9): names, sets, flags, dates, lists in parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from yubin.imap import dates, names, sets
from yubin.imap.flaw import Flaw
from yubin.imap.lexer import Lexer
from yubin.imap.limits import ITEMS
from yubin.imap.sets import SAVED, SequenceSet

T = TypeVar("T")
_SET = re.compile(rb"[0-9*:,]++")
_DATE = re.compile(rb"[0-9A-Za-z-]++")
_DATE_TIME = re.compile(rb'"([^"]{26})"')
_PARTIAL = re.compile(rb"(-?+)([1-9][0-9]{0,9}):(-?+)([1-9][0-9]{0,9})")
_ANNOUNCED = re.compile(rb"(~?)\{([0-9]{1,19})\+?\}")
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}+")


class Parser(Lexer):
    """``uid``: the command has UID before it."""

    def __init__(self, text: bytes, at: int = 0, *, uid: bool = False, utf8: bool = False) -> None:
        super().__init__(text, at, utf8=utf8)
        self.uid = uid

    def mailbox(self) -> str:
        return names.decode(self.astring("A mailbox' name"), utf8=self.utf8)

    def pattern(self) -> str:
        return names.decode(self.list_mailbox(), utf8=self.utf8)

    def sequence_set(self) -> SequenceSet:
        """RFC 9051 9, and "$" of RFC 5182."""
        if self.took(b"$"):
            return SAVED
        return sets.read(self.match(_SET, "A set of numbers"))

    def known_set(self) -> SequenceSet:
        """known-uids, known-sequence-set (RFC 7162 7): without "*"."""
        found = self.sequence_set()
        if found.star or found.saved:
            raise Flaw("This set has numbers only")
        return found

    def flag(self) -> str:
        slash = "\\" if self.took(b"\\") else ""
        return slash + self.atom("A flag")

    def flag_list(self) -> tuple[str, ...]:
        return self.listed(self.flag)

    def date(self) -> date:
        quoted = self.took(b'"')
        start = self.at
        found = dates.day(self.match(_DATE, "A date"))
        if found is None:
            self.at = start
            raise self.expected("A date as 1-Feb-1994")
        if quoted:
            self.expect(b'"', "A quotation mark")
        return found

    def date_time(self) -> float:
        """In Unix seconds."""
        found = _DATE_TIME.match(self.text, self.at)
        moment = dates.moment(found[1]) if found else None
        if found is None or moment is None:
            raise self.expected('A date and time as "17-Jul-1996 02:44:25 -0700"')
        self.at = found.end()
        return moment

    def partial_range(self) -> tuple[int, int]:
        """RFC 9394 4: as it was written, both positive or both negative."""
        found = _PARTIAL.match(self.text, self.at)
        if found is None or found[1] != found[3] or max(int(found[2]), int(found[4])) > sets.MOST:
            raise self.expected("A range as 1:100 or -1:-100")
        self.at = found.end()
        return int(found[1] + found[2]), int(found[3] + found[4])

    def objectid(self) -> str:
        """RFC 8474 7."""
        found = _OBJECT_ID.fullmatch(self.astring("An object's id"))
        if found is None:
            raise Flaw("An object's id has letters, digits, _ and -")
        return found[0].decode("ascii")

    def listed(self, item: Callable[[], T], *, least: int = 0, most: int = ITEMS) -> tuple[T, ...]:
        """``(item item …)``."""
        self.expect(b"(", "A list in parentheses")
        found: list[T] = []
        while not self.sees(b")") or len(found) < least:
            if found:
                self.sp()
            if len(found) == most:
                raise Flaw(f"A list has at most {most} items", code="LIMIT")
            found.append(item())
        self.expect(b")", "A parenthesis")
        return tuple(found)

    def announced(self) -> tuple[int, bool] | None:
        """A literal that is still to come, at the end: its size, and whether it is literal8 (RFC 3516)."""
        found = _ANNOUNCED.fullmatch(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return int(found[2]), bool(found[1])
