"""A real nats-server with JetStream on a free loopback port, with or without mutual TLS.

It keeps its port and its store over ``kill()`` and ``start()``, so that a test can do to it what a power cut does;
``wipe()`` between the two is a broker that was rebuilt.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.ports import free_port
from yubin.runtime.certificates import Credentials, issue

MISSING = "nats-server is not installed; on Debian: apt-get install nats-server"


def binary() -> str:
    found = shutil.which("nats-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(MISSING)
    return found


class NatsServer:
    """``folder`` holds its configuration, store and log. ``credentials`` makes it ask for client certificates."""

    def __init__(
        self, folder: Path, *, credentials: Credentials | None = None, executable: str | None = None
    ) -> None:
        self.folder, self.credentials = folder, credentials
        self.executable = executable or binary()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "nats.log"

    @property
    def url(self) -> str:
        return f"{'tls' if self.credentials else 'nats'}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def client_tls(self) -> ssl.SSLContext | None:
        """What a pod named "test" shows to the server; None without TLS."""
        if self.credentials is None:
            return None
        mine = issue(self.credentials.ca.parent, "test")
        context = ssl.create_default_context(cafile=str(mine.ca))
        context.load_cert_chain(mine.cert, mine.key)
        return context

    def start(self, *, seconds: float = 15) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nats.conf"
        config.write_text(self._config())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.executable, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"nats-server did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def wipe(self) -> None:
        """Forget all streams (the server must be down)."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process = None

    def _answers(self) -> bool:
        """The greeting comes in clear text, also where TLS follows."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                return probe.recv(4) == b"INFO"
        except OSError:
            return False

    def _config(self) -> str:
        lines = [
            f"host: 127.0.0.1, port: {self.port}",
            f"jetstream {{ store_dir: {json.dumps(str(self.folder / 'store'))} }}",
        ]
        if self.credentials:
            files = {"cert_file": self.credentials.cert, "key_file": self.credentials.key}
            files["ca_file"] = self.credentials.ca
            inside = ", ".join(f"{name}: {json.dumps(str(path))}" for name, path in files.items())
            lines.append(f"tls {{ {inside}, verify: true }}")
        return "\n".join(lines) + "\n"


def running(server: NatsServer) -> Iterator[NatsServer]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """Plain text, one for each test."""
    yield from running(NatsServer(tmp_path / "nats"))


@pytest.fixture
def nats_tls(tmp_path: Path) -> Iterator[NatsServer]:
    """Mutual TLS; the CA lies in ``nats_tls.credentials.ca.parent`` and signs for clients too."""
    credentials = issue(tmp_path / "ca", "nats")
    yield from running(NatsServer(tmp_path / "nats", credentials=credentials))


BUILT = Path(__file__).resolve().parents[2] / ".cache" / "nats-latest" / "nats-server"


def executables() -> dict[str, Callable[[], str]]:
    """nats-servers to hold the contracts against: Debian's, and the newest where `make test` could build it."""
    found: dict[str, Callable[[], str]] = {"installed": binary}
    if BUILT.exists():
        found["latest"] = lambda: str(BUILT)
    return found
