"""`make bench`: CPU per letter, ours and Postfix in turn, as docs/bench.md explains.

Each round runs the peer and ours with the same load program; the ratio of the medians decides, the milliseconds are
orientation. Everything of ours is counted: the pods, the supervisor, nats-server and PostgreSQL; not the load, the sink
and the pretend DNS.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import cpu
from bench.ours import OUR_SINK, Ours, ours
from bench.postfix import PORT as POSTFIX_PORT
from bench.postfix import SINK_PORT, postfix, sink

LIMITS = {"accept": 1.2, "reused": 2.6, "one": 3.1}  # FIGURES: the first goal, CPU ms per letter
RATIOS = {"accept": 0.9, "reused": 0.9, "one": 1.0}
WORDS = {
    "accept": "accept, durable",
    "reused": "accept + deliver, connections reused",
    "one": "accept + deliver, one connection per letter",
}


@dataclass(frozen=True, kw_only=True)
class Round:
    """CPU ms per letter and letters per second of one side in one round."""

    cost: float
    rate: float


def load(port: int, count: int, *, one: bool, more: tuple[str, ...]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.load", str(port), "--letters", str(count), *more]
    done = subprocess.run(
        [*command, *(["--one"] if one else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"the load failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def measure(
    seconds: Callable[[], float], work: Callable[[], dict[str, float]], settle: Callable[[], None], count: int
) -> Round:
    before, began = seconds(), time.perf_counter()
    work()
    settle()
    took = time.perf_counter() - began
    return Round(cost=(seconds() - before) / count * 1e3, rate=count / took)


def peer_round(pid: int, count: int, kind: str, folder: Path) -> Round:
    more = ("--sender", "a@from.test", "--to", "b@to.test")

    def work() -> dict[str, float]:
        return load(POSTFIX_PORT, count, one=kind == "one", more=more)

    if kind == "accept":  # as measured for FIGURES: nobody listens at the other end while letters are taken
        row = measure(lambda: cpu.seconds(pid), work, lambda: None, count)
        with sink(SINK_PORT, folder / "drain.log"):
            subprocess.run(["postfix", "-c", str(folder / "conf"), "flush"], check=False, capture_output=True)
            _drained(folder)
        return row
    with sink(SINK_PORT, folder / "sink.log"):
        return measure(lambda: cpu.seconds(pid), work, lambda: _drained(folder), count)


def arrived(log: Path, count: int) -> None:
    """Until the sink has counted so many letters; asking the pods would cost them CPU."""

    def all_there() -> bool:
        seen = log.read_bytes().rpartition(b"mesg=")[2].split()
        return bool(seen) and seen[0].isdigit() and int(seen[0]) >= count

    if not _until(all_there, 120):
        raise SystemExit(f"not all of {count} letters arrived: {log.read_bytes()[-80:]!r}")
    time.sleep(0.5)  # results are written, events relayed


def _drained(folder: Path) -> None:
    def empty() -> bool:
        return not any(
            p.is_file() for q in ("incoming", "active", "deferred") for p in (folder / "spool" / q).rglob("*")
        )

    _until(empty, 60)


def _until(true: Callable[[], bool], timeout: float) -> bool:
    until = time.monotonic() + timeout
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def our_round(system: Ours, count: int, kind: str, folder: Path) -> Round:
    more = (
        "--user",
        system.user,
        "--password",
        system.password,
        "--sender",
        system.user,
        "--to",
        "b@accepts.example",
    )

    def work() -> dict[str, float]:
        return load(system.port, count, one=kind == "one", more=more)

    log = folder / "sink.log"
    with sink(OUR_SINK, log):
        if kind == "accept":
            with system.without_delivery():
                row = measure(system.seconds, work, lambda: None, count)
            arrived(log, count)
            return row
        return measure(system.seconds, work, lambda: arrived(log, count), count)


@click.command()
@click.option("--letters", default=3000, show_default=True, help="letters in each run")
@click.option("--rounds", default=4, show_default=True, help="rounds in turn")
@click.option("--only", type=click.Choice([*WORDS]), multiple=True, help="one row of the table")
@click.option(
    "--database", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", show_default=True
)
@click.option("--dkim", is_flag=True, help="sign with RSA-2048")
@click.option("--no-peer", is_flag=True, help="ours alone")
def main(letters: int, rounds: int, only: tuple[str, ...], database: str, dkim: bool, no_peer: bool) -> None:
    """Measure accept, and accept + deliver, beside Postfix (needs root and Debian's package postfix)."""
    console = Console()
    kinds = only or tuple(WORDS)
    rows: dict[tuple[str, str], list[Round]] = {}
    with tempfile.TemporaryDirectory(prefix="yubin-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "peer").mkdir()
        with ours(folder / "ours", database=database, dkim=dkim) as system:
            console.print(f"Python {sys.version}, {system.versions()}, fixed work {cpu.noise()} ms")
            for turn in range(rounds):
                for kind in kinds:
                    if not no_peer:
                        with tempfile.TemporaryDirectory(dir=folder) as where, postfix(Path(where)) as pid:
                            rows.setdefault(("postfix", kind), []).append(
                                peer_round(pid, letters, kind, Path(where))
                            )
                    rows.setdefault(("yubin", kind), []).append(our_round(system, letters, kind, folder))
                    console.print(f"round {turn + 1}: {_line(rows, kind)}")
            console.print(_table(rows, kinds))
            console.print(f"resident MB after the load: {system.memory()}")


def _line(rows: dict[tuple[str, str], list[Round]], kind: str) -> str:
    texts = [
        f"{who} {r[-1].cost:.2f} ms {r[-1].rate:.0f}/s"
        for who in ("postfix", "yubin")
        if (r := rows.get((who, kind)))
    ]
    return f"{WORDS[kind]}: {', '.join(texts)}"


def _table(rows: dict[tuple[str, str], list[Round]], kinds: tuple[str, ...]) -> Table:
    table = Table("CPU ms per letter (median)", "Postfix", "Yubin", "ratio", "goal", "met")
    for kind in kinds:
        mine = statistics.median(r.cost for r in rows["yubin", kind])
        peer = statistics.median(r.cost for r in rows["postfix", kind]) if ("postfix", kind) in rows else None
        ratio = mine / peer if peer else None
        met = ratio <= RATIOS[kind] if ratio else mine <= LIMITS[kind]
        table.add_row(
            WORDS[kind],
            f"{peer:.2f}" if peer else "-",
            f"{mine:.2f}",
            f"{ratio:.2f}" if ratio else "-",
            f"≤ {RATIOS[kind]:g}x ({LIMITS[kind]:g} ms)",
            "yes" if met else "no",
        )
    return table


if __name__ == "__main__":
    main()
