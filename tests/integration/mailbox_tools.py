"""The yubin command against real pods: directory, mailbox and api, each its own process, over TLS."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

from click.testing import CliRunner

from tests.integration.mailbox import ROOT, House
from tests.servers.ports import free_ports
from yubin.cli.main import main
from yubin.runtime.certificates import issue

TOKEN = "operator-token-of-the-test"


class ApiPod:
    """Beside a House; ``state`` is a folder as `yubin up` leaves it."""

    def __init__(self, house: House, **settings):
        self.state = house.folder / "state"
        self.state.mkdir()
        own = issue(house.directory.certificates, "api")
        self.port, self.health, grpc_port, metrics = free_ports(4)
        (self.state / "token").write_text(TOKEN)
        (self.state / "cli.toml").write_text(
            f'api = "https://127.0.0.1:{self.port}"\ntoken_file = "token"\nca = "{own.ca}"\n'
        )
        self.log = house.folder / "api.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "YUBIN_API_LISTEN": f"127.0.0.1:{self.port}",
            "YUBIN_API_TOKEN_FILE": str(self.state / "token"),
            "YUBIN_HOSTNAME": "mx.a.example",
            "YUBIN_LEDGER_URL": "memory:",
            "YUBIN_OBJECTS_URL": "memory:",
            "YUBIN_NATS_URL": "memory:",
            "YUBIN_DIRECTORY": f"127.0.0.1:{house.directory.port}",
            "YUBIN_MAILBOX": f"127.0.0.1:{house.mailbox.port}",
            "YUBIN_GRPC_LISTEN": f"127.0.0.1:{grpc_port}",
            "YUBIN_HEALTH_LISTEN": f"127.0.0.1:{self.health}",
            "YUBIN_METRICS_LISTEN": f"127.0.0.1:{metrics}",
            "YUBIN_GRACE": "2",
            "YUBIN_TLS_CA": str(own.ca),
            "YUBIN_TLS_CERT": str(own.cert),
            "YUBIN_TLS_KEY": str(own.key),
            **settings,
        }
        self.metrics = metrics
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.api"], env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
                return b"yubin_ready 1.0" in answer.read()
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait(10)


class Town:
    """A House with its api, and the command at it. ``run`` gives (exit status, standard output, standard error)."""

    def __init__(self, folder):
        self.house, self.folder = House(folder), folder
        self.api = None

    def open(self):
        asyncio.run(self.house.open())
        self.api = ApiPod(self.house)
        self.api.start()

    def run(self, *args, typed=None, **environ):
        env = {"YUBIN_STATE": str(self.api.state), "TZ": "UTC", "YUBIN_API_TOKEN": None, **environ}
        done = CliRunner().invoke(main, [str(arg) for arg in args], input=typed, env=env)
        return done.exit_code, done.stdout_bytes, done.stderr

    def good(self, *args, typed=None):
        status, out, err = self.run(*args, typed=typed)
        assert status == 0, (out, err)
        return out.decode()

    def fresh(self, name):
        """A new account."""
        self.good("user", "add", f"{name}@a.example", typed="correct horse\n")
        return f"{name}@a.example"

    def close(self):
        if self.api is not None and self.api.process.poll() is None:
            self.api.kill()
        self.house.close()


@contextmanager
def town(folder):
    made = Town(folder)
    try:
        made.open()
        yield made
    finally:
        made.close()
