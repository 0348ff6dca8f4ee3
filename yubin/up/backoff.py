"""When a process that died is started again: at once the first time would hide a crash loop, so 1, 2, 4 … 30 seconds,
and from the beginning once it has stayed up for a minute. Time is an argument.
"""

from __future__ import annotations

FIRST, LONGEST, STEADY = 1.0, 30.0, 60.0


class Backoff:
    def __init__(self, *, first: float = FIRST, longest: float = LONGEST, steady: float = STEADY) -> None:
        self._first, self._longest, self._steady = first, longest, steady
        self._next = first
        self._started = 0.0

    def started(self, now: float) -> None:
        self._started = now

    def died(self, now: float) -> float:
        """Seconds to wait before the next start."""
        if now - self._started >= self._steady:
            self._next = self._first
        pause = self._next
        self._next = min(self._next * 2, self._longest)
        return pause
