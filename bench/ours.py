"""Our side: the very processes of `yubin up`, with PostgreSQL as the ledger, sending to a smtp-sink."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import cpu
from bench.collector import collector

OUR_SINK = 12601
BASE = 13_000
YUBIN = str(Path(sys.executable).parent / "yubin")
CONFIG = """
state = "{state}"
port_base = {base}
ledger_url = "{ledger}"
trace_ratio = 0.01
otlp_endpoint = "{collector}"
[pods.submission]
auth_without_tls = true
submissions_listen = ""
dkim = {dkim}
head_start_rate = 100000
head_start_burst = 100000
connections_per_address = 1000
[pods.delivery]
smtp_port = {sink}
slots = 400
"""


class Ours:
    user = "alice@demo.example"

    def __init__(self, state: Path, pid: int, database: int | None) -> None:
        self._state = state
        self._pid = pid
        self._database = database
        self.password = (state / "secrets" / "alice-password").read_text().strip()
        self.port = self._run()["ports"]["submission"]

    def _run(self) -> dict[str, Any]:
        return dict(json.loads((self._state / "run.json").read_text()))

    def _pids(self) -> dict[str, int]:
        return {name: p["pid"] for name, p in self._run()["processes"].items() if name != "outside"}

    def seconds(self) -> float:
        """CPU of everything but the pretend world."""
        more = [self._database] if self._database else []
        return cpu.seconds(*self._pids().values(), *more)

    def parts(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        rows = {name: cpu.seconds(pid) for name, pid in self._pids().items()}
        return rows | ({"postgresql": cpu.seconds(self._database)} if self._database else {})

    def memory(self) -> dict[str, int]:
        return {name: round(cpu.rss(pid)) for name, pid in self._pids().items()}

    @contextmanager
    def without_delivery(self) -> Iterator[None]:
        """The delivery pod stands still, so that accepting alone is counted."""
        pid = self._pids()["delivery"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def versions(self) -> str:
        return ", ".join(f"{name} {version(name)}" for name in ("uvloop", "grpcio", "nats-py", "asyncpg"))


@contextmanager
def ours(folder: Path, *, database: str, dkim: bool) -> Iterator[Ours]:
    """A running system; ``database`` postgresql or sqlite."""
    folder.mkdir()
    with _database(folder, database) as (url, database_pid), collector() as endpoint:
        state = folder / "state"
        file = folder / "bench.toml"
        file.write_text(
            CONFIG.format(
                state=state, base=BASE, ledger=url, sink=OUR_SINK, dkim=str(dkim).lower(), collector=endpoint
            )
        )
        with (folder / "up.log").open("wb") as out:
            process = subprocess.Popen([YUBIN, "up", "--demo", "--config", str(file)], stdout=out, stderr=out)
        try:
            _ready(state, process, folder / "up.log")
            yield Ours(state, process.pid, database_pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@contextmanager
def _database(folder: Path, kind: str) -> Iterator[tuple[str, int | None]]:
    if kind == "sqlite":
        yield "", None
        return
    from bench.postgres import postgres

    with postgres(folder / "pg") as (url, pid):
        yield url, pid


def _ready(state: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            run = json.loads((state / "run.json").read_text())
        except (OSError, json.JSONDecodeError):
            run = {}
        if run.get("ready"):
            return
        time.sleep(0.2)
    raise SystemExit(f"yubin up did not become ready: {log.read_text()[-2000:]}")
