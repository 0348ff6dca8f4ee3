"""A resolver pod as its own process, which asks a scripted DNS server; with certificates of a CA made for the test."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers.ports import free_ports
from yubin.runtime import rpc
from yubin.runtime.certificates import issue

ROOT = Path(__file__).parents[2]


class ResolverPod:
    """``start``, ``stop``, ``kill``, ``freeze`` and ``thaw`` may be repeated; the ports stay the same."""

    def __init__(self, folder: Path, dns: str, **settings: str) -> None:
        self.folder = folder
        self.certificates = folder / "ca"
        self.port, self.health, self.metrics_port = free_ports(3)
        own = issue(self.certificates, "resolver")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "YUBIN_DNS_SERVERS": dns,
            "YUBIN_DNS_TIMEOUT": "0.3",
            "YUBIN_DNS_ATTEMPTS": "1",
            "YUBIN_GRPC_LISTEN": f"127.0.0.1:{self.port}",
            "YUBIN_HEALTH_LISTEN": f"127.0.0.1:{self.health}",
            "YUBIN_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "YUBIN_TLS_CA": str(own.ca),
            "YUBIN_TLS_CERT": str(own.cert),
            "YUBIN_TLS_KEY": str(own.key),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.resolver"],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while self.metric("yubin_ready") != 1:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(15)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def metrics(self) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def metric(self, name: str) -> float:
        """The sum over all labels of the series whose name and labels begin so."""
        found = re.findall(rf"^{re.escape(name)}[^ ]* (\S+)$", self.metrics(), re.MULTILINE)
        return sum(map(float, found))

    @asynccontextmanager
    async def channel(self, caller: str = "delivery"):
        own = issue(self.certificates, caller)
        made = rpc.channel(f"127.0.0.1:{self.port}", "resolver", ca=own.ca, cert=own.cert, key=own.key)
        try:
            yield made
        finally:
            await made.close(None)
