"""Patterns of LIST and LSUB (RFC 9051 6.3.9): "*" is anything, "%" anything within a level, the rest is itself.

A name is looked at from left to right with the set of places where what was matched may end, so that no pattern costs more
than its wildcards times the name's length. INBOX is INBOX in any case, also as a first level (RFC 9051 5.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from services.gateway.imap.replies import No
from yubin.imap import codes
from yubin.mailboxes.names import NAME_LIMIT, SEPARATOR
from yubin.mailboxes.port import INBOX

WILDCARDS = 30
_RUN = re.compile(r"[*%]+")
_PARTS = re.compile(r"([*%])")


def matcher(pattern: str) -> Callable[[str], bool]:
    """Raises No [LIMIT] for a pattern of too many wildcards."""
    shorter = _RUN.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
    first, *rest = _PARTS.split(shorter)
    if len(rest) > 2 * WILDCARDS or len(pattern) > NAME_LIMIT + WILDCARDS:
        raise No(f"A pattern has at most {WILDCARDS} wildcards", codes.LIMIT)
    steps = list(zip(rest[::2], rest[1::2], strict=True))
    plain = _Pattern(first, steps)
    folded = _Pattern(first.upper(), [(wild, text.upper()) for wild, text in steps])

    def matches(name: str) -> bool:
        level, separator, below = name.partition(SEPARATOR)
        if plain.matches(name):
            return True
        return level == INBOX and not below and not separator and folded.matches(INBOX)

    if first.upper().startswith(INBOX + SEPARATOR):
        return matcher(INBOX + pattern[len(INBOX) :]) if not first.startswith(INBOX) else matches
    return matches


class _Pattern:
    def __init__(self, first: str, steps: list[tuple[str, str]]) -> None:
        self._first, self._steps = first, steps

    def matches(self, name: str) -> bool:
        if not name.startswith(self._first):
            return False
        ends = {len(self._first)}
        for wild, text in self._steps:
            ends = _anything(name, ends, text) if wild == "*" else _in_level(name, ends, text)
            if not ends:
                return False
        return len(name) in ends


def _anything(name: str, ends: set[int], text: str) -> set[int]:
    found: set[int] = set()
    at = min(ends)
    if not text:
        return set(range(at, len(name) + 1))
    while (at := name.find(text, at)) >= 0:
        found.add(at + len(text))
        at += 1
    return found


def _in_level(name: str, ends: set[int], text: str) -> set[int]:
    found: set[int] = set()
    reached = -1
    for end in sorted(ends):
        stop = name.find(SEPARATOR, end)
        stop = len(name) if stop < 0 else stop
        for at in range(max(end, reached + 1), stop + 1):
            if name.startswith(text, at):
                found.add(at + len(text))
        reached = max(reached, stop)
    return found
