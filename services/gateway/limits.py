"""How many may be here: connections of the pod, and of one client."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from yubin.errors import Exhausted
from yubin.runtime.peers import neighbourhood


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of every connection, whatever it speaks. Seconds."""

    connections: int = 20_000
    per_address: int = 100
    idle: float = 600.0  # RFC 1939 3: at least ten minutes; RFC 9051 5.4: thirty, once logged in
    handshake: float = 30.0
    linger: float = 10.0  # for the last reply to leave


class Census:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = 0
        self._addresses: Counter[str] = Counter()

    def enter(self, peer: str) -> None:
        """Raises Exhausted where there is no room; who was told so leaves too."""
        here = neighbourhood(peer)
        self._all += 1
        self._addresses[here] += 1
        if self._all > self._limits.connections or self._addresses[here] > self._limits.per_address:
            raise Exhausted("Too many connections", code=421, enhanced="4.7.0")

    def leave(self, peer: str) -> None:
        here = neighbourhood(peer)
        self._all -= 1
        self._addresses[here] -= 1
        if self._addresses[here] <= 0:
            del self._addresses[here]
