"""CPU seconds of a piece of work: the best of three, so that neighbours on the machine do not count."""

from __future__ import annotations

import time
from collections.abc import Callable

SMALL = 64 * 1024
SMALL_LIMIT = 0.15  # seconds for 64 KiB of anything: three times of what is promised, for slow machines


def cpu(work: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)
