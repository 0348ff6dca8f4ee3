"""What a pod holds of memory that has started and done nothing yet: the system idles for some seconds, before any letter.

RSS counts the pages that pods share (the interpreter, libraries) in each of them; PSS divides such a page among those that
have it, and so is less the more pods there are on the machine. The goal is of the RSS of every pod; nats-server is none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench import cpu
from bench.measure import Round
from bench.ours import Ours

IDLE = 10.0  # seconds
OTHERS = {"nats"}


@dataclass(frozen=True, kw_only=True)
class Held:
    """MB."""

    name: str
    rss: float
    pss: float


def idle(system: Ours) -> list[Held]:
    time.sleep(IDLE)
    return [
        Held(name=name, rss=cpu.rss(pid), pss=cpu.pss(pid) / 1024) for name, pid in system.processes().items()
    ]


def words(found: list[Held]) -> str:
    each = ", ".join(f"{one.name} {one.rss:.0f} ({one.pss:.0f})" for one in found)
    return f"resident MB after {IDLE:g} s idle, RSS (PSS): {each}; all together PSS {sum(one.pss for one in found):.0f}"


def largest(found: list[Held]) -> Round:
    """``cost`` is the RSS of the pod that holds most."""
    return Round(cost=max(one.rss for one in found if one.name not in OTHERS), rate=0.0)
