"""`make bench`: CPU per letter, ours and a peer in turn, as docs/bench.md explains.

Each round runs the peer and ours with the same load program; the ratio of the medians decides, the milliseconds are
orientation. Everything of ours is counted: the pods, the supervisor, nats-server and PostgreSQL; not the load, the sink
and the pretend DNS. What the index costs is a row of its own: the others run without it. What idle pods
hold of memory is measured once, before all else.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import cpu, imap, inbound, outbound, pods
from bench.measure import Round
from bench.ours import Ours, ours
from bench.rows import FIGURES

Rows = dict[tuple[str, str], list[Round]]


def peer_round(kind: str, folder: Path, letters: int) -> Round:
    if kind in imap.KINDS:
        return imap.peer_round(kind, folder)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        where = Path(name)
        where.chmod(0o755)
        if FIGURES[kind].peer == "Postfix":
            return outbound.peer_round(kind, where, letters)
        return inbound.peer_round(kind, where, letters)


def our_round(kind: str, system: Ours, folder: Path, letters: int) -> Round:
    if FIGURES[kind].peer == "Postfix":
        return outbound.our_round(kind, system, folder, letters)
    if kind in imap.KINDS:
        return imap.our_round(kind, system)
    return inbound.our_round(kind, system, letters)


@click.command()
@click.option("--letters", default=3000, show_default=True, help="letters in each run")
@click.option("--rounds", default=4, show_default=True, help="rounds in turn")
@click.option("--only", type=click.Choice([*FIGURES]), multiple=True, help="one row of the table")
@click.option(
    "--database", type=click.Choice(["postgresql", "sqlite"]), default="postgresql", show_default=True
)
@click.option("--dkim", is_flag=True, help="sign with RSA-2048")
@click.option("--no-peer", is_flag=True, help="ours alone")
def main(letters: int, rounds: int, only: tuple[str, ...], database: str, dkim: bool, no_peer: bool) -> None:
    """Measure ours beside Postfix and Dovecot (needs root and Debian's packages of both)."""
    console = Console()
    kinds = only or tuple(FIGURES)
    rows: Rows = {}
    with tempfile.TemporaryDirectory(prefix="yubin-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with ours(folder / "ours", database=database, dkim=dkim) as system:
            console.print(f"Python {sys.version}, {system.versions()}, fixed work {cpu.noise()} ms")
            if "pods" in kinds:
                held = pods.idle(system)
                rows["yubin", "pods"] = [pods.largest(held)]
                console.print(pods.words(held))
            inbound.prepare(system, kinds)
            imap.prepare(system, kinds)
            for turn in range(rounds):
                for kind in (kind for kind in kinds if kind != "pods"):
                    if FIGURES[kind].peer and not no_peer:
                        rows.setdefault(("peer", kind), []).append(peer_round(kind, folder, letters))
                    rows.setdefault(("yubin", kind), []).append(our_round(kind, system, folder, letters))
                    console.print(f"round {turn + 1}: {_line(rows, kind)}")
            console.print(_table(rows, kinds))
            console.print(f"resident MB after the load: {system.memory()}")


def _line(rows: Rows, kind: str) -> str:
    names = {"peer": FIGURES[kind].peer, "yubin": "Yubin"}
    texts = [
        f"{names[who]} {r[-1].cost:.2f} {FIGURES[kind].of} {r[-1].rate:.0f}/s"
        for who in ("peer", "yubin")
        if (r := rows.get((who, kind)))
    ]
    return f"{FIGURES[kind].words}: {', '.join(texts)}"


def _table(rows: Rows, kinds: tuple[str, ...]) -> Table:
    table = Table("CPU ms (median)", "per", "peer", "Yubin", "ratio", "goal", "met")
    for kind in kinds:
        figure = FIGURES[kind]
        mine = statistics.median(r.cost for r in rows["yubin", kind])
        peer = statistics.median(r.cost for r in rows["peer", kind]) if ("peer", kind) in rows else None
        ratio = mine / peer if peer else None
        met = ratio <= figure.ratio if ratio and figure.ratio else mine <= figure.limit
        table.add_row(
            figure.words,
            figure.unit,
            f"{figure.peer} {peer:.2f}" if peer else "-",
            f"{mine:.2f}",
            f"{ratio:.2f}" if ratio else "-",
            f"≤ {figure.ratio:g}x ({figure.limit:g} {figure.of})"
            if figure.ratio
            else f"≤ {figure.limit:g} {figure.of}",
            "yes" if met else "no",
        )
    return table


if __name__ == "__main__":
    main()
