"""CPU time of a piece of work, told so that neighbours on the machine are not found guilty.

It is the process' own time, the best of three, and a limit grows with the time that a fixed piece of work takes at the
moment: a machine that is busy, or slow, is no regression. What is quadratic is a hundred times over its limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SMALL = 64 * 1024
SMALL_LIMIT = 0.05  # seconds for 64 KiB of anything
_REFERENCE = 0.012  # seconds that _fixed takes where the limits were set


def within(limit: float, work: Callable[[], object], times: int = 3) -> bool:
    """True when it once takes less than ``limit`` seconds."""
    return any(
        _taken(work) < limit or _taken(work) < limit * max(_taken(_fixed) / _REFERENCE, 1)
        for _ in range(times)
    )


def _taken(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _fixed() -> None:
    found: dict[int, int] = {}
    for i in range(100_000):
        found[i % 1000] = found.get(i % 1000, 0) + len(found)
