"""What SEARCH, SORT and THREAD found, as responses (RFC 3501 7.2.5, RFC 5256 5, RFC 4731 3, RFC 9394 3.1).

An ESEARCH response is one line however many numbers it has: sets are written as ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yubin.imap.codes import uid_set
from yubin.imap.strings import string


@dataclass(frozen=True, kw_only=True)
class Partial:
    """RFC 9394 3.1: the range that was asked for, and what of the result lies in it."""

    asked: tuple[int, int]
    numbers: Sequence[int]


def search(numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """``modseq``: the highest of those found, where the client asked by MODSEQ (RFC 7162 3.1.5)."""
    return _numbers(b"SEARCH", numbers, modseq)


def sort(numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """RFC 7162 3.1.6."""
    return _numbers(b"SORT", numbers, modseq)


def esearch(
    tag: bytes,
    numbers: Sequence[int],
    returns: frozenset[str],
    *,
    uid: bool,
    modseq: int | None = None,
    part: Partial | None = None,
) -> bytes:
    """``numbers`` in the order of the result: ascending, or as SORT has it (RFC 5267 2: MIN is then the first one).

    With nothing found, MIN, MAX and ALL are left out (RFC 4731 3.1).
    """
    out = [b"* ESEARCH (TAG %b)" % string(tag)]
    if uid:
        out.append(b"UID")
    if numbers:
        if "MIN" in returns:
            out.append(b"MIN %d" % numbers[0])
        if "MAX" in returns:
            out.append(b"MAX %d" % numbers[-1])
    if "COUNT" in returns:
        out.append(b"COUNT %d" % len(numbers))
    if numbers and "ALL" in returns:
        out.append(b"ALL %b" % uid_set(numbers).encode())
    if part is not None:
        out.append(b"PARTIAL (%d:%d %b)" % (*part.asked, uid_set(part.numbers).encode() or b"NIL"))
    if modseq is not None and numbers:
        out.append(b"MODSEQ %d" % modseq)
    return b" ".join(out) + b"\r\n"


def partial(numbers: Sequence[int], asked: tuple[int, int]) -> Partial:
    """From the first result (1), or, negative, from the last (-1); the order of the result stays (RFC 9394 3.1)."""
    first, last = sorted(map(abs, asked))
    if asked[0] > 0:
        return Partial(asked=asked, numbers=numbers[first - 1 : last])
    return Partial(
        asked=asked, numbers=numbers[max(len(numbers) - last, 0) : max(len(numbers) - first + 1, 0)]
    )


def _numbers(name: bytes, numbers: Sequence[int], modseq: int | None) -> bytes:
    found = b"".join([b" %d" % number for number in numbers])
    rest = b" (MODSEQ %d)" % modseq if modseq is not None and numbers else b""
    return b"* %b%b%b\r\n" % (name, found, rest)
