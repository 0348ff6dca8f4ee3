"""THREAD (RFC 5256 3): letters as trees, by subject here, by references in yubin.imap.references.

Both are given letters one at a time, in the order of the mailbox, and keep of them what their algorithm needs. Nothing
recurses: a thread may be 100,000 letters deep (CASES G13). A tree's node is an index; ``numbers`` says which letter it is,
0 for a dummy that holds others together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from yubin.imap.collation import collate
from yubin.mail.summary import Summary


@dataclass(frozen=True, kw_only=True)
class Forest:
    roots: list[int]
    children: list[list[int]]
    numbers: list[int]


class Threading(Protocol):
    def add(self, number: int, *, received: float, summary: Summary) -> None: ...

    def forest(self) -> Forest: ...


class OrderedSubject:
    """One thread for each base subject; all but its first letter are children of that one."""

    def __init__(self) -> None:
        self._letters: list[tuple[str, float, int]] = []

    def add(self, number: int, *, received: float, summary: Summary) -> None:
        sent = received if summary.date is None else summary.date
        self._letters.append((collate(summary.base), sent, number))

    def forest(self) -> Forest:
        order = sorted(range(len(self._letters)), key=lambda n: (*self._letters[n][:2], n))
        children: list[list[int]] = [[] for _ in order]
        roots: list[int] = []
        for node in order:
            if roots and self._letters[roots[-1]][0] == self._letters[node][0]:
                children[roots[-1]].append(node)
            else:
                roots.append(node)
        roots.sort(key=lambda n: (self._letters[n][1], n))
        return Forest(roots=roots, children=children, numbers=[number for _, _, number in self._letters])


def thread(forest: Forest) -> bytes:
    """The untagged response (RFC 5256 4): ``* THREAD (2)(3 6 (4 23)(44 7 96))``."""
    shown = b"".join(_lists(forest))
    return b"* THREAD%b%b\r\n" % (b" " if shown else b"", shown)


def _lists(forest: Forest) -> Iterator[bytes]:
    """An only child follows its parent behind a space; several are lists of their own."""
    waiting: list[int | bytes] = []
    for root in forest.roots:
        waiting.append(root)
        yield b"("
        while waiting:
            here = waiting.pop()
            if isinstance(here, bytes):
                yield here
                continue
            number, below = forest.numbers[here], forest.children[here]
            if number:
                yield b"%d" % number
            if below and number:
                yield b" "
            if len(below) == 1:
                waiting.append(below[0])
            for child in reversed(below if len(below) > 1 else []):
                waiting += [b")", child, b"("]
        yield b")"
