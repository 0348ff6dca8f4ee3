"""Ports that nobody has, for servers that must know theirs before they start.

They are taken from above the range out of which Linux gives ports by itself (32768 to 60999), so that neither a client's own
port nor a server on port 0 gets in between before the pod listens; each is given once before any is given again. A
worker of pytest-xdist has every n-th port, and every n-th thousand, so that no two of a run take the same.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable, Iterator
from itertools import cycle

import pytest

SINGLE = range(61_000, 65_500)
THOUSANDS = range(11_000, 31_000, 1000)


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    tried = (next(_next) for _ in range(len(SINGLE)))
    found = [port for port, _ in zip(filter(_free, tried), range(count), strict=False)]
    return found if len(found) == count else pytest.fail(f"no {count} ports are free")


def free_base(offsets: Iterable[int]) -> int:
    """A thousand ports of which those that matter are free now."""
    wanted, mine = tuple(offsets), _mine(THOUSANDS)
    for base in random.sample(mine, len(mine)):
        if all(_free(base + offset) for offset in wanted):
            return base
    return pytest.fail("no thousand ports are free together")


def _mine(ports: range) -> range:
    """What this worker may take."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return ports[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) :: workers]


def _round() -> Iterator[int]:
    """From somewhere on, so that another run on this machine is elsewhere."""
    mine = _mine(SINGLE)
    start = random.randrange(len(mine))
    return cycle((*mine[start:], *mine[:start]))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_next = _round()
