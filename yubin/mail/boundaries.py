"""The delimiter lines of all open multiparts (RFC 2046 5.1.1), found in one pass of the text for each nesting level.

A delimiter is a line that *begins* with two hyphens and the boundary; where several boundaries fit, the longest one is
meant, and of equal ones the innermost. Only the innermost boundary is searched for; for those outside it the next place
where they could stand is remembered (``_hits``), and nothing inside is searched beyond the nearest of these (``_ceiling``).
So a boundary that never comes costs one look at what encloses it, and ten thousand siblings share one look at the text.
"""

from __future__ import annotations

BOUNDARY_LIMIT = 256  # octets; RFC 2046 allows 70, programs write more


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
        while self._marks:
            mark, ceiling = self._marks[-1], self._ceiling
            at = raw.find(mark, max(position, 0), min(ceiling + len(mark), size))
            self._hits[-1] = at = ceiling if at < 0 or at > ceiling else at
            if at == size or self._longest(at) is not None:
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
        del self._marks[keep:], self._owners[keep:], self._hits[keep:]
        self._advance(at)
        return owner, closing, len(raw) if line < 0 else line + 1

    def _longest(self, at: int) -> int | None:
        marks, raw = self._marks, self._raw
        if not marks:
            return None
        if at < self._ceiling:  # nobody outside can stand here
            return len(marks) - 1
        fits = [i for i, hit in enumerate(self._hits) if hit == at and raw.startswith(marks[i], at)]
        return max(fits, key=lambda i: (len(marks[i]), i), default=None)

    def _advance(self, at: int) -> None:
        """Whoever outside was expected at ``at`` did not come there; look on, from the outermost inwards."""
        size, hits = len(self._raw), self._hits
        if at in hits[:-1]:
            for i in range(len(hits) - 1):
                if hits[i] == at:
                    ceiling, mark = min(hits[:i], default=size), self._marks[i]
                    found = self._raw.find(mark, at + 1, min(ceiling + len(mark), size))
                    hits[i] = ceiling if found < 0 or found > ceiling else found
        self._ceiling = min(hits[:-1], default=size)
