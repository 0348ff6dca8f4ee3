"""Flags by name and as bits (RFC 9051 2.3.2): five system flags, and a mailbox' own keywords in the order they came.

A flag is written in any case and shown as it was first written. A keyword's bit never changes while its mailbox lives,
so that bit sets that somebody holds stay true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from yubin.errors import Exhausted, Invalid
from yubin.mailboxes.port import FIRST_KEYWORD, KEYWORDS, SYSTEM_FLAGS, How, SystemFlag

KEYWORD_LIMIT = 100  # characters
SEEN, DELETED = SystemFlag.SEEN.value, SystemFlag.DELETED.value
_SYSTEM = {name.lower(): bit for name, bit in SYSTEM_FLAGS.items()}
SYSTEM_BITS = sum(SYSTEM_FLAGS.values())


def split(flags: Iterable[str]) -> tuple[int, tuple[str, ...]]:
    """System flags as bits, and keywords, each once, sorted. Raises Invalid for Recent and flags that nobody knows."""
    bits = 0
    keywords: dict[str, str] = {}
    for flag in sorted(flags):
        if flag.startswith("\\"):
            if flag.lower() not in _SYSTEM:
                raise Invalid("This flag cannot be set")
            bits |= _SYSTEM[flag.lower()]
        elif not 0 < len(flag) <= KEYWORD_LIMIT or " " in flag or not flag.isprintable():
            raise Invalid(f"A keyword has 1 to {KEYWORD_LIMIT} characters, none of them a space")
        else:
            keywords.setdefault(flag.lower(), flag)
    return bits, tuple(keywords.values())


def extended(known: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """A mailbox' keywords with those of ``wanted`` that it has not yet, behind. Raises Exhausted ([LIMIT])."""
    have = {name.lower() for name in known}
    every = (*known, *(name for name in wanted if name.lower() not in have))
    if len(every) > KEYWORDS:
        raise Exhausted(f"A mailbox has at most {KEYWORDS} keywords")
    return every


def keyword_bits(known: Sequence[str], wanted: Iterable[str]) -> int:
    """The bits of those that the mailbox has."""
    places = {name.lower(): bit for bit, name in enumerate(known, FIRST_KEYWORD)}
    return sum(1 << places[name.lower()] for name in wanted if name.lower() in places)


def names(bits: int, known: Sequence[str]) -> frozenset[str]:
    """Flags as people and clients write them."""
    system = {name for name, bit in SYSTEM_FLAGS.items() if bits & bit}
    return frozenset(system | set(keywords_of(bits, known)))


def keywords_of(bits: int, known: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(known, FIRST_KEYWORD) if bits >> bit & 1)


def translated(bits: int, known: Sequence[str], target: Sequence[str]) -> int:
    """The same flags by the bits of another mailbox, which has all the keywords."""
    if bits == bits & SYSTEM_BITS:
        return bits
    return bits & SYSTEM_BITS | keyword_bits(target, keywords_of(bits, known))


def changed(how: How, old: int, bits: int) -> int:
    if how is How.ADD:
        return old | bits
    return old & ~bits if how is How.REMOVE else bits
