"""How much of what leads nowhere is borne: bad commands in a row, and commands that do nothing, by the minute."""

from __future__ import annotations

from collections.abc import Callable

from yubin.pop3.dialogue import Terms


class Patience:
    """A token bucket for junk: a client that asks every minute whether we are there may do so for ever."""

    __slots__ = ("_at", "_clock", "_errors", "_left", "_terms")

    def __init__(self, terms: Terms, clock: Callable[[], float]) -> None:
        self._terms, self._clock = terms, clock
        self._errors = 0
        self._left, self._at = float(terms.junk), clock()

    def error(self) -> bool:
        """True when it was one bad command too many."""
        self._errors += 1
        return self._errors >= self._terms.errors

    def junk(self) -> bool:
        """True when it was one too many."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self._terms.junk_rate, float(self._terms.junk)) - 1
        self._at = now
        return self._left < 0

    def relieve(self) -> None:
        """A command that was of use."""
        self._errors = 0
