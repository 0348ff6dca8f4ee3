"""A pod as its own process, whichever it is: what all pods need in their environment, and how they begin and end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.servers.ports import free_ports
from yubin.runtime.certificates import issue

ROOT = Path(__file__).parents[2]


class Pod:
    """``start``, ``stop`` and ``kill`` may be repeated; the ports stay the same.

    ``certificates`` is the folder of the CA, ``file`` the name of the log, ``wrap`` is put before the command line: strace,
    for one. Of the ``settings``, which are variables, those that are None are left out.
    """

    name: str

    def __init__(
        self,
        folder: Path,
        certificates: Path,
        file: str,
        settings: dict[str, str | None],
        *,
        wrap: Sequence[str] = (),
    ) -> None:
        self.folder, self.certificates, self.wrap = folder, certificates, wrap
        self.file = folder / file
        self.grpc, self.health, self.metrics_port = free_ports(3)
        own = issue(certificates, self.name)
        given = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "YUBIN_GRPC_LISTEN": f"127.0.0.1:{self.grpc}",
            "YUBIN_HEALTH_LISTEN": f"127.0.0.1:{self.health}",
            "YUBIN_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "YUBIN_TLS_CA": str(own.ca),
            "YUBIN_TLS_CERT": str(own.cert),
            "YUBIN_TLS_KEY": str(own.key),
            **settings,
        }
        self.environment = {name: value for name, value in given.items() if value is not None}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.file.read_text()

    def launch(self) -> None:
        """Without waiting until it is ready."""
        with self.file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrap, sys.executable, "-m", f"services.{self.name}"],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        self.launch()
        deadline = time.monotonic() + 60
        while not self.ready():
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def ready(self) -> bool:
        """Fails when it has ended."""
        assert self.process.poll() is None, self.log
        return self.metric("yubin_ready") == 1

    def terminate(self) -> None:
        """SIGTERM to the pod itself, also where it runs below another program."""
        for pid in self._pids()[:1]:
            os.kill(pid, signal.SIGTERM)

    def stop(self, seconds: float = 30) -> int | None:
        """SIGTERM; the exit code, or None where it was never started."""
        if self.process is None:
            return None
        self.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """The pod first, where it runs below another program: that one's end would leave it running."""
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(15)

    def metrics(self) -> str:
        """The page; empty while there is no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def metric(self, name: str) -> float | None:
        """The sum over the series whose name and labels begin so; None while there is no answer."""
        page = self.metrics()
        found = re.findall(rf"^{re.escape(name)}[^ ]* (\S+)$", page, re.MULTILINE)
        return sum(map(float, found)) if page else None

    def _pids(self) -> list[int]:
        """The pod, and what it runs below."""
        if self.process is None or self.process.poll() is not None:
            return []
        above = self.process.pid
        below = Path(f"/proc/{above}/task/{above}/children").read_text().split() if self.wrap else []
        return [*map(int, below), above]
