"""The delimiter lines of all open multiparts (RFC 2046 5.1.1), found in one pass of the text for each nesting level.

A delimiter is a line that *begins* with two hyphens and the boundary; where several boundaries fit, the longest one is
meant, and of equal ones the innermost. Only the innermost boundary is searched for; for those outside it the next place
where they could stand is remembered (``_hits``), and nothing inside is searched beyond the nearest of these (``_ceiling``).
So a boundary that never comes costs one look at what encloses it, and ten thousand siblings share one look at the text.
"""

from __future__ import annotations

_AHEAD = 4096


class Boundaries:
    """A stack. ``owners`` are whatever the caller pushed with each boundary."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._marks: list[bytes] = []
        self._owners: list[int] = []
        self._hits: list[int] = []
        self._ceiling = len(raw)

    def push(self, boundary: bytes, owner: int) -> None:
        """Opens a level inside all others. The caller has asked ``next`` for the place that it starts from."""
        self._marks.append(b"\n--" + boundary)
        self._owners.append(owner)
        self._hits.append(-1)
        self._ceiling = min(self._hits[:-1], default=len(self._raw))

    def next(self, position: int) -> int:
        """Where the line feed before the next delimiter is, at ``position`` or behind it; the length when there is none."""
        raw, size = self._raw, len(self._raw)
        at = max(position, 0)
        while self._marks:
            mark, ceiling = self._marks[-1], self._ceiling
            found = raw.find(mark, at, min(ceiling + len(mark), size))
            self._hits[-1] = at = ceiling if found < 0 or found > ceiling else found
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
        if closing or at >= self._ceiling:
            keep = level if closing else level + 1
            del self._marks[keep:], self._owners[keep:], self._hits[keep:]
            self._advance(at)
        return owner, closing, len(raw) if line < 0 else line + 1

    def _longest(self, at: int) -> int | None:
        """Whose delimiter it is."""
        if at < self._ceiling:  # nobody outside can stand here
            return len(self._marks) - 1
        marks, raw = self._marks, self._raw
        fits = [i for i in self._expected(at) if raw.startswith(marks[i], at)]
        return max(fits, key=lambda i: (len(marks[i]), i), default=None)

    def _expected(self, at: int) -> list[int]:
        """The levels whose next place is ``at``."""
        hits, found, i = self._hits, [], -1
        for _ in range(hits.count(at)):
            i = hits.index(at, i + 1)
            found.append(i)
        return found

    def _advance(self, at: int) -> None:
        """Whoever outside was expected at ``at`` did not come there; look on, from the outermost inwards.

        A little beyond the ceiling, so that a hundred levels are not asked again at each of ten thousand delimiters.
        """
        size, hits, last = len(self._raw), self._hits, len(self._hits) - 1
        for i in self._expected(at):
            if i < last:
                mark = self._marks[i]
                stop = min(min(hits[:i], default=size) + _AHEAD, size)
                found = self._raw.find(mark, at + 1, min(stop + len(mark), size))
                hits[i] = stop if found < 0 or found > stop else found
        self._ceiling = min(hits[:-1], default=size)
