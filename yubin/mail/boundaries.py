"""The delimiter lines of all open multiparts (RFC 2046 5.1.1), found in one pass of the text for each nesting level.

A delimiter is a line that *begins* with two hyphens and the boundary; where several boundaries fit, the longest one is
meant, and of equal ones the innermost. Only the innermost boundary is searched for; for those outside it the next place
where they could stand is remembered (``_hits``), and nothing inside is searched beyond the nearest of these (``_ceiling``).
So a boundary that never comes costs one look at what encloses it, and ten thousand siblings share one look at the text.
Where an outer boundary begins an inner one, its place is moved on at each line of the inner one; no more than ``ALIKE``
of them are kept open, so that this stays cheap.
"""

from __future__ import annotations

ALIKE = 4
_AHEAD = 4096  # octets beyond the ceiling that are searched, so that not every line moves every level


class Boundaries:
    """A stack. ``owners`` are whatever the caller pushed with each boundary."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._marks: list[bytes] = []
        self._owners: list[int] = []
        self._hits: list[int] = []
        self._ceiling = len(raw)
        self._expected: tuple[int, list[int]] = (-1, [])
        self._asked, self._answer = 0, -1  # of ``next``, which is asked twice for most delimiters

    def crowded(self, boundary: bytes) -> bool:
        """True when too many open boundaries begin this one, or are the same."""
        mark = b"\n--" + boundary
        return sum(map(mark.startswith, self._marks)) >= ALIKE

    def push(self, boundary: bytes, owner: int) -> None:
        """Opens a level inside all others. The caller has asked ``next`` for the place that it starts from."""
        self._marks.append(b"\n--" + boundary)
        self._owners.append(owner)
        self._hits.append(-1)
        self._settle()

    def next(self, position: int) -> int:
        """Where the line feed before the next delimiter is, at ``position`` or behind it; the length when there is none."""
        if self._asked <= position <= self._answer:
            return self._answer
        self._asked, self._answer = position, self._find(max(position, 0))
        return self._answer

    def _find(self, at: int) -> int:
        raw, size = self._raw, len(self._raw)
        while self._marks:
            mark, ceiling = self._marks[-1], self._ceiling
            found = raw.find(mark, at, min(ceiling + len(mark), size))
            at = ceiling if found < 0 or found > ceiling else found
            if at != self._hits[-1]:
                self._hits[-1] = at
                self._expected = (-1, [])
            if at == size or at < ceiling or self._longest(at) is not None:
                return at
            self._advance(at)
        return size

    def take(self, at: int) -> tuple[int, bool, int]:
        """The delimiter at ``at``: its owner, whether it closes it, and where the next line begins.

        Levels inside it are forgotten, and the level itself when it is closed.
        """
        raw = self._raw
        level = self._longest(at)
        if level is None:
            raise ValueError("there is no delimiter here")
        owner, behind = self._owners[level], at + len(self._marks[level])
        closing = raw.startswith(b"--", behind)
        line = raw.find(b"\n", behind)
        keep = level if closing else level + 1
        if at >= self._ceiling:
            self._advance(at, keep)
        if keep < len(self._marks):
            del self._marks[keep:], self._owners[keep:], self._hits[keep:]
            self._settle()
        return owner, closing, len(raw) if line < 0 else line + 1

    def _longest(self, at: int) -> int | None:
        """Whose delimiter it is."""
        if at < self._ceiling:  # nobody outside can stand here
            return len(self._marks) - 1
        marks, raw, best = self._marks, self._raw, None
        for i in self._waiting(at):
            if raw.startswith(marks[i], at) and (best is None or len(marks[i]) >= len(marks[best])):
                best = i
        return best

    def _waiting(self, at: int) -> list[int]:
        """The levels whose next place is ``at``, the outermost first."""
        if self._expected[0] != at:
            hits, found, i = self._hits, [], -1
            for _ in range(hits.count(at)):
                i = hits.index(at, i + 1)
                found.append(i)
            self._expected = at, found
        return self._expected[1]

    def _advance(self, at: int, levels: int | None = None) -> None:
        """Whoever outside was expected at ``at`` is not there; look on, from the outermost inwards."""
        size, hits = len(self._raw), self._hits
        last = len(hits) - 1 if levels is None else min(levels, len(hits) - 1)
        for i in self._waiting(at):
            if i < last:
                mark = self._marks[i]
                stop = min(min(hits[:i], default=size) + _AHEAD, size)
                found = self._raw.find(mark, at + 1, min(stop + len(mark), size))
                hits[i] = stop if found < 0 or found > stop else found
        self._settle()

    def _settle(self) -> None:
        self._answer = -1
        self._ceiling = min(self._hits[:-1], default=len(self._raw))
        self._expected = (-1, [])
