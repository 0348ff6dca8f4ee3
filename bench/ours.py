"""Our side: the very processes of `yubin up`, with PostgreSQL for ledger and mailboxes, sending to a smtp-sink."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import cpu
from bench.collector import collector
from bench.measure import Round

OUR_SINK = 12601
BASE = 13_000
YUBIN = str(Path(sys.executable).parent / "yubin")
CONFIG = """
state = "{state}"
port_base = {base}
ledger_url = "{database}"
mailboxes_url = "{database}"
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
[pods.mx]
connections_per_address = 1000
connections_per_minute = 1000000
[pods.mailbox]
index = false
[pods.gateway]
auth_without_tls = true
imaps_listen = ""
pop3s_listen = ""
connections_per_address = 1000
connections_per_user = 1000
"""


class Ours:
    user = "alice@demo.example"

    def __init__(self, state: Path, pid: int, database: int | None) -> None:
        self._state = state
        self._pid = pid
        self._database = database
        self.password = (state / "secrets" / "alice-password").read_text().strip()
        self._passwords: dict[str, str] = {}

    def port(self, name: str) -> int:
        return int(self._run()["ports"][name])

    def account(self, address: str) -> str:
        """Its password; the account is made when it is first named."""
        if address not in self._passwords:
            self._passwords[address] = secrets.token_urlsafe(12)
            environment = os.environ | {"YUBIN_STATE": str(self._state)}
            subprocess.run(
                [YUBIN, "user", "add", address],
                input=self._passwords[address], text=True, env=environment, check=True, capture_output=True,
            )  # fmt: skip
        return self._passwords[address]

    def index(self, count: int) -> Round:
        """What waits for the index (at least ``count`` letters) is indexed by a mailbox pod that is started for it."""
        idle = self._indexer(index=False, least=0)
        busy = self._indexer(index=True, least=count)
        return Round(cost=(busy[0] - idle[0]) / busy[1] * 1e3, rate=busy[1] / (busy[2] - idle[2]))

    def _indexer(self, *, index: bool, least: int) -> tuple[float, int, float]:
        """CPU of the pod and of the database, letters indexed, seconds."""
        raw = Path(f"/proc/{self._pids()['mailbox']}/environ").read_bytes().split(b"\0")
        environment = dict(item.decode().split("=", 1) for item in raw if item)
        ports = {name: f"127.0.0.1:{BASE + 600 + n}" for n, name in enumerate(("GRPC", "HEALTH", "METRICS"))}
        environment |= {f"YUBIN_{name}_LISTEN": where for name, where in ports.items()}
        environment["YUBIN_INDEX"] = str(index).lower()
        before, began = cpu.seconds(self._database) if self._database else 0.0, time.perf_counter()
        pod = subprocess.Popen([sys.executable, "-P", "-m", "services.mailbox"], env=environment)
        try:
            done = _indexed(ports["METRICS"], least)
            took = time.perf_counter() - began
            more = cpu.seconds(self._database) - before if self._database else 0.0
            return cpu.seconds(pod.pid) + more, done, took
        finally:
            pod.send_signal(signal.SIGTERM)
            pod.wait(60)

    def _run(self) -> dict[str, Any]:
        return dict(json.loads((self._state / "run.json").read_text()))

    def _pids(self) -> dict[str, int]:
        return {name: p["pid"] for name, p in self._run()["processes"].items() if name != "outside"}

    def seconds(self) -> float:
        """CPU of everything but the pretend world."""
        more = [self._database] if self._database else []
        return cpu.seconds(*self._pids().values(), *more)

    def pss(self) -> float:
        """KiB of memory of our own processes; the database is not in it, whose buffers come and go."""
        return cpu.pss(*self._pids().values())

    def parts(self) -> dict[str, float]:
        """CPU seconds so far, by process."""
        rows = {name: cpu.seconds(pid) for name, pid in self._pids().items()}
        return rows | ({"postgresql": cpu.seconds(self._database)} if self._database else {})

    def processes(self) -> dict[str, int]:
        """Pid by name."""
        return self._pids()

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
                state=state,
                base=BASE,
                database=url,
                sink=OUR_SINK,
                dkim=str(dkim).lower(),
                collector=endpoint,
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


def _indexed(metrics: str, least: int) -> int:
    """How many letters, once there are ``least`` and no more come."""
    seen, same, until = -1, 0, time.monotonic() + 300
    while same < 4 or seen < least:
        if time.monotonic() > until:
            raise SystemExit(f"only {seen} of {least} letters were indexed")
        time.sleep(0.25)
        try:
            with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=5) as answer:
                found = re.search(
                    rb"^yubin_mailbox_indexed_letters_total (\S+)$", answer.read(), re.MULTILINE
                )
        except OSError:
            continue
        now = int(float(found[1])) if found else 0
        same = same + 1 if now == seen else 0
        seen = now
    return seen


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
