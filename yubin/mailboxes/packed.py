"""Columns of numbers, as a view has them: ``array('Q')``, so that 5,000 entries travel as a few octets and not as objects.

A column is 8 octets for each number: the lowest octet first between pods (``octets``, ``numbers``), the highest first from
PostgreSQL (``sent``). Copying one costs nothing that can be measured; each number that Python has to make costs 30 ns and
more. Whoever wants one bit of each entry, or UIDs in 4 octets, gets them without looking at each (``lowest``, ``narrow``).
Every function takes any sequence of numbers below 2**64.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from yubin.errors import Internal

WIDTH = 8  # octets
LITTLE = sys.byteorder == "little"
_LOW, _HIGH = (0, 1) if LITTLE else (1, 0)  # the halves of a number in memory


def octets(column: Sequence[int]) -> bytes:
    """The lowest octet first, whatever this machine has."""
    return _ordered(array("Q", column), swap=not LITTLE).tobytes()


def numbers(given: bytes) -> array[int]:
    """Of ``octets``. Raises Internal where they end within a number."""
    return _ordered(_array(given), swap=not LITTLE)


def sent(given: bytes) -> array[int]:
    """Of what int8send gives, the highest octet first."""
    return _ordered(_array(given), swap=LITTLE)


def lowest(column: Sequence[int]) -> bytes:
    """The lowest octet of each: of flags, the system's."""
    return octets(column)[::WIDTH]


def narrow(column: Sequence[int]) -> array[int]:
    """The same as ``array('I')``. Raises OverflowError for a number that has no room."""
    halves = array("I", array("Q", column).tobytes())
    high = halves[_HIGH::2].tobytes()
    if high != bytes(len(high)):
        raise OverflowError("a number of more than 32 bits")
    return halves[_LOW::2]


def _array(given: bytes) -> array[int]:
    if len(given) % WIDTH:
        raise Internal("a column ends within a number")
    return array("Q", given)


def _ordered(column: array[int], *, swap: bool) -> array[int]:
    if swap:
        column.byteswap()
    return column
