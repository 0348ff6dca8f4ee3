"""Crash points, for tests: places in the road of a letter where the process may die at any time.

``point("accept.before_commit")`` does nothing unless the setting ``YUBIN_FAULT`` names it, with an optional count:
``accept.before_commit:3`` kills the process with SIGKILL at the third pass. docs/testing.md lists the points.
"""

from __future__ import annotations

import os
import signal

import structlog

_armed: dict[str, int] = {}


def arm(spec: str | None) -> None:
    if not spec:
        return
    name, _, count = spec.partition(":")
    _armed[name] = int(count or 1)
    structlog.get_logger().warning(
        "This process will kill itself at a crash point.", action="fault", point=spec
    )


def point(name: str) -> None:
    if _armed and name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
