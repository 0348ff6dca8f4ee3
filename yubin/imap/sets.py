"""Sets of sequence numbers or UIDs (RFC 9051 9: sequence-set; RFC 5182: "$"), kept as ranges, however large they are.

A set costs memory by what the client wrote, never by what it means: ``1:4294967295`` is one range. What it means is
asked against a mailbox: ``numbers(largest)`` is never longer than that, and ``places(uids)`` finds existing UIDs by
bisection (CASES H6).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.limits import RANGES

STAR = 0  # "*": the largest number in use
MOST = 2**32 - 1  # nz-number
_NUMBER = rb"(?:\*|[1-9][0-9]{0,9})"
_RANGE = rb"%b(?::%b)?" % (_NUMBER, _NUMBER)
_SET = re.compile(rb"%b(?:,%b)*" % (_RANGE, _RANGE))


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceSet:
    """``ranges`` as they were written, (n, n) for one number, ``STAR`` for "*". ``saved``: it is "$", the last result."""

    ranges: tuple[tuple[int, int], ...] = ()
    saved: bool = False

    @property
    def star(self) -> bool:
        return any(STAR in pair for pair in self.ranges)

    @property
    def highest(self) -> int:
        """The largest number that was written; 0 when there was none."""
        return max((max(pair) for pair in self.ranges), default=0)

    def resolved(self, largest: int) -> list[tuple[int, int]]:
        """Ascending ranges that do not touch, "*" being ``largest`` (in an empty mailbox it is nothing)."""
        pairs = [(low or largest, high or largest) for low, high in self.ranges]
        merged: list[tuple[int, int]] = []
        for low, high in sorted((min(pair), max(pair)) for pair in pairs if 0 not in pair):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged

    def numbers(self, largest: int) -> Iterator[int]:
        """Ascending, each once, none above ``largest``."""
        for low, high in self.resolved(largest):
            yield from range(low, min(high, largest) + 1)

    def places(self, uids: Sequence[int]) -> Iterator[range]:
        """The set as one of UIDs: ascending index ranges into ``uids``, which ascend (RFC 9051: others are no error)."""
        for low, high in self.resolved(uids[-1] if uids else 0):
            start, stop = bisect_left(uids, low), bisect_right(uids, high)
            if start < stop:
                yield range(start, stop)


SAVED = SequenceSet(saved=True)


def read(text: bytes) -> SequenceSet:
    """A sequence-set of numbers. Raises Flaw, with [LIMIT] for one of too many ranges."""
    if text.isdigit() and text[0] != 0x30 and len(text) < 10:  # most are one number
        return SequenceSet(ranges=((int(text), int(text)),))
    if not _SET.fullmatch(text):
        raise Flaw("A set of numbers is expected")
    if text.count(b",") >= RANGES:
        raise Flaw(f"A set has at most {RANGES} ranges", code="LIMIT")
    ranges = tuple(_ranges(text.replace(b"*", b"0").split(b",")))
    if any(high > MOST or low > MOST for low, high in ranges):
        raise Flaw("A number of a set is too large")
    return SequenceSet(ranges=ranges)


def _ranges(written: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    for item in written:
        low, colon, high = item.partition(b":")
        first = int(low)
        yield first, int(high) if colon else first
