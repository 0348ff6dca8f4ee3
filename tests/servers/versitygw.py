"""versitygw: a real S3 server over a folder, where `make test` or `make test-s3` could build it (it needs Go)."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

BUILT = Path(__file__).resolve().parents[2] / ".cache" / "versitygw" / "versitygw"
REGION = "us-east-1"


def s3() -> list[str]:
    """The parameter "s3" for contract tests, where the server is there."""
    return ["s3"] if BUILT.exists() else []


class Versitygw:
    """One bucket; ``stop`` and ``start`` keep what is in it."""

    def __init__(self, folder: Path, bucket: str = "letters") -> None:
        self.folder, self.bucket = folder, bucket
        for name in ("data", "meta"):
            (folder / name / bucket).mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.access, self.secret = "yubin", secrets.token_hex(20)
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, prefix: str = "") -> str:
        """As YUBIN_OBJECTS_URL."""
        query = {
            "endpoint": f"http://127.0.0.1:{self.port}",
            "region": REGION,
            "access_key_id": self.access,
            "secret_access_key": self.secret,
        }
        return f"s3://{self.bucket}/{prefix}?{urlencode(query)}"

    def start(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "ROOT_ACCESS_KEY_ID": self.access,
            "ROOT_SECRET_ACCESS_KEY": self.secret,
        }
        command = [str(BUILT), "--port", f"127.0.0.1:{self.port}", "--region", REGION, "--quiet",
                   "posix", "--sidecar", str(self.folder / "meta"), str(self.folder / "data")]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not self._listens():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)


@pytest.fixture
def versitygw(tmp_path: Path) -> Iterator[Versitygw]:
    server = Versitygw(tmp_path / "versitygw")
    server.start()
    try:
        yield server
    finally:
        server.stop()
