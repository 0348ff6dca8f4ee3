"""One measurement: CPU of somebody's processes while a load runs and until all of it has settled."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Round:
    """CPU ms per letter (or session) and how many a second, of one side in one round."""

    cost: float
    rate: float


def load(port: int, count: int, *more: str) -> dict[str, float]:
    """Runs bench.load as a process of its own, whose CPU is not counted."""
    command = [sys.executable, "-m", "bench.load", str(port), "--letters", str(count), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the load failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def measure(
    seconds: Callable[[], float], work: Callable[[], Any], settle: Callable[[], None], count: int
) -> Round:
    """``seconds``: CPU so far; ``count`` letters or sessions are what ``work`` does."""
    before, began = seconds(), time.perf_counter()
    work()
    settle()
    took = time.perf_counter() - began
    return Round(cost=(seconds() - before) / count * 1e3, rate=count / took)


def until(true: Callable[[], bool], timeout: float) -> bool:
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
