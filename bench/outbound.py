"""Accept, and accept + deliver, beside Postfix as a relay."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench import cpu
from bench.measure import Round, load, measure, until
from bench.ours import OUR_SINK, Ours
from bench.postfix import PORT as POSTFIX_PORT
from bench.postfix import SINK_PORT, postfix, sink


def peer_round(kind: str, folder: Path, count: int) -> Round:
    with postfix(folder) as pid:
        return _peer_round(pid, kind, folder, count)


def _peer_round(pid: int, kind: str, folder: Path, count: int) -> Round:
    more = ("--sender", "a@from.test", "--to", "b@to.test", *_one(kind))

    def work() -> dict[str, float]:
        return load(POSTFIX_PORT, count, *more)

    if kind == "accept":  # as measured for FIGURES: nobody listens at the other end while letters are taken
        row = measure(lambda: cpu.seconds(pid), work, lambda: None, count)
        with sink(SINK_PORT, folder / "drain.log"):
            subprocess.run(["postfix", "-c", str(folder / "conf"), "flush"], check=False, capture_output=True)
            _drained(folder)
        return row
    with sink(SINK_PORT, folder / "sink.log"):
        return measure(lambda: cpu.seconds(pid), work, lambda: _drained(folder), count)


def our_round(kind: str, system: Ours, folder: Path, count: int) -> Round:
    who = ("--user", system.user, "--password", system.password, "--sender", system.user)
    more = (*who, "--to", "b@accepts.example", *_one(kind))

    def work() -> dict[str, float]:
        return load(system.port("submission"), count, *more)

    log = folder / "sink.log"
    with sink(OUR_SINK, log):
        if kind == "accept":
            with system.without_delivery():
                row = measure(system.seconds, work, lambda: None, count)
            arrived(log, count)
            return row
        return measure(system.seconds, work, lambda: arrived(log, count), count)


def arrived(log: Path, count: int) -> None:
    """Until the sink has counted so many letters; asking the pods would cost them CPU."""

    def all_there() -> bool:
        seen = log.read_bytes().rpartition(b"mesg=")[2].split()
        return bool(seen) and seen[0].isdigit() and int(seen[0]) >= count

    if not until(all_there, 120):
        raise SystemExit(f"not all of {count} letters arrived: {log.read_bytes()[-80:]!r}")
    time.sleep(0.5)  # results are written, events relayed


def _one(kind: str) -> tuple[str, ...]:
    return ("--one",) if kind == "one" else ()


def _drained(folder: Path) -> None:
    def empty() -> bool:
        return not any(
            p.is_file() for q in ("incoming", "active", "deferred") for p in (folder / "spool" / q).rglob("*")
        )

    until(empty, 60)
