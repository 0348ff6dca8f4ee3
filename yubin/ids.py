"""Identifiers: UUIDv7 (RFC 9562 5.7), shown to people in Crockford's base32.

The tracking number of a letter is its message id: 26 characters, sorted by time, no I, L, O or U, and read back
whatever the case, with I and L taken for 1, O for 0, and hyphens dropped. It grants nothing.
"""

from __future__ import annotations

import os
import time
from uuid import UUID

from yubin.errors import Invalid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {c: i for i, c in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]  # ten bits at a time: it is done for every letter
_SHIFTS = range(120, -1, -10)
LENGTH = 26


def uuid7(now: float | None = None, entropy: bytes | None = None) -> UUID:
    """A new id; ``now`` in Unix seconds, ``entropy`` 10 bytes, both given by tests only."""
    millis = int((time.time() if now is None else now) * 1000) & (2**48 - 1)
    tail = int.from_bytes(os.urandom(10) if entropy is None else entropy, "big")
    rand_a, rand_b = (tail >> 62) & 0xFFF, tail & (2**62 - 1)
    return UUID(int=millis << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def number(value: UUID) -> str:
    """The tracking number of an id: 26 characters."""
    n = value.int
    return "".join([_PAIRS[(n >> shift) & 1023] for shift in _SHIFTS])


def parse_number(text: str) -> UUID:
    """The id behind a tracking number as a person may type it, or behind a plain UUID; raises Invalid."""
    compact = text.strip().replace("-", "").upper()
    if len(compact) == 32:
        try:
            return UUID(hex=compact)
        except ValueError:
            pass
    n = 0
    for c in compact if len(compact) == LENGTH else "!":
        n = n << 5 | _VALUES.get(c, 1 << 128)
    if n >> 128:
        raise Invalid("not a tracking number: 26 letters and digits, as in the 250 reply")
    return UUID(int=n)
