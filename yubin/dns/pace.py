"""How many queries a second may leave: whoever comes too early waits its turn, and beyond ``patience`` is refused."""

from __future__ import annotations


class Pace:
    """Pure: ``take`` says how many seconds to wait, or None. A burst of one second's queries leaves at once."""

    def __init__(self, rate: float, patience: float) -> None:
        self._interval = 1 / rate
        self._patience = patience
        self._next = float("-inf")

    def take(self, now: float) -> float | None:
        turn = max(self._next, now - 1)
        wait = max(0.0, turn - now)
        if wait > self._patience:
            return None
        self._next = turn + self._interval
        return wait
