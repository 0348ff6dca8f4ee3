"""CPU of process trees from /proc: user + system seconds, reaped children included."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _table() -> dict[int, tuple[int, float]]:
    """By pid: (parent, CPU seconds of the process and of its reaped children)."""
    table = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        table[int(entry.name)] = int(fields[1]), sum(int(f) for f in fields[11:15]) / TICK
    return table


def _below(table: dict[int, tuple[int, float]], roots: tuple[int, ...]) -> set[int]:
    """These processes and everything below them."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    seen, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        if pid in table and pid not in seen:
            seen.add(pid)
            todo += children.get(pid, [])
    return seen


def seconds(*roots: int) -> float:
    """CPU of these processes and of everything below them, so far."""
    table = _table()
    return sum(table[pid][1] for pid in _below(table, roots))


def pss(*roots: int) -> float:
    """KiB of memory of all of them, each shared page counted once."""
    found = 0
    for pid in _below(_table(), roots):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        found += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return float(found)


def rss(pid: int) -> float:
    """Resident MB of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def noise() -> list[float]:
    """Fixed work, ten times, in CPU ms: how noisy the machine is at the moment."""
    import time

    rows = []
    for _ in range(10):
        before, x = time.process_time(), 0
        for i in range(1_000_000):
            x += i & 7
        rows.append(round((time.process_time() - before) * 1e3, 1))
    return rows


if __name__ == "__main__":
    print(seconds(*map(int, sys.argv[1:])))
