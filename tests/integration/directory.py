"""A directory pod as its own process, with certificates of a CA made for the test."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc

from tests.servers.ports import free_ports
from yubin.accounts.remote import DirectoryAdmin, RemoteDirectory
from yubin.runtime import rpc
from yubin.runtime.certificates import issue

ROOT = Path(__file__).parents[2]
LIGHT = {"YUBIN_ARGON2_MEMORY_KIB": "8", "YUBIN_ARGON2_PASSES": "1", "YUBIN_ARGON2_LANES": "1"}


class DirectoryPod:
    """``log`` is all that it has written; ``start`` and ``stop`` may be repeated."""

    def __init__(self, folder: Path, url=None, **settings):
        self.folder = folder
        self.certificates = folder / "ca"
        self.port, self.health, self.metrics_port = free_ports(3)
        own = issue(self.certificates, "directory")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "YUBIN_ACCOUNTS_URL": url or f"sqlite://{folder}/directory.db",
            "YUBIN_GRPC_LISTEN": f"127.0.0.1:{self.port}",
            "YUBIN_HEALTH_LISTEN": f"127.0.0.1:{self.health}",
            "YUBIN_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "YUBIN_LOG_LEVEL": "debug",
            "YUBIN_GRACE": "2",
            "YUBIN_TLS_CA": str(own.ca),
            "YUBIN_TLS_CERT": str(own.cert),
            "YUBIN_TLS_KEY": str(own.key),
            **settings,
        }
        self.process = None

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.directory"],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while '"yubin_ready 1.0"' not in f'"{self.metric("yubin_ready")}"':
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def metrics(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def metric(self, name):
        """The first line of a metric whose name and labels begin so."""
        found = re.search(rf"^{re.escape(name)}.*$", self.metrics(), re.MULTILINE)
        return found.group(0) if found else ""

    @asynccontextmanager
    async def channel(self, caller, *, target="directory"):
        """As the pod ``caller``."""
        own = issue(self.certificates, caller)
        made = rpc.channel(f"127.0.0.1:{self.port}", target, ca=own.ca, cert=own.cert, key=own.key)
        try:
            yield made
        finally:
            await made.close(None)

    @asynccontextmanager
    async def admin(self):
        async with self.channel("api") as channel:
            yield DirectoryAdmin(channel)

    @asynccontextmanager
    async def remote(self, caller="submission"):
        async with self.channel(caller) as channel:
            yield RemoteDirectory(channel)

    async def ask(self, credentials, *, name="directory.pod.yubin"):
        """One call over a channel of one's own making: ``credentials`` None is in clear. Raises AioRpcError."""
        where = f"127.0.0.1:{self.port}"
        options = (("grpc.ssl_target_name_override", name), ("grpc.enable_retries", 0))
        made = (
            grpc.aio.insecure_channel(where)
            if credentials is None
            else grpc.aio.secure_channel(where, credentials, options=options)
        )
        async with made:
            call = made.unary_unary("/yubin.v1.Directory/SigningKeys")
            return await call(b"", timeout=5)


@contextmanager
def running(folder: Path, url=None, **settings):
    pod = DirectoryPod(folder, url, **settings)
    pod.start()
    try:
        yield pod
    finally:
        if pod.process.poll() is None:
            pod.process.kill()
            pod.process.wait(10)
