"""A submission pod as its own process, beside a directory pod, with SQLite and a folder; certificates made for the test."""

import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.directory import LIGHT, DirectoryPod
from tests.servers.dialogue import Dialogue
from tests.servers.ports import free_ports
from yubin.runtime.certificates import issue

ROOT = Path(__file__).parents[2]
ALICE, PASSWORD = "alice@a.example", "correct horse"


class SubmissionPod:
    """``wrap`` is put before the command line: strace, for one. ``start`` and ``stop`` may be repeated."""

    def __init__(
        self, folder: Path, directory: DirectoryPod, *, wrap=(), nats="nats://127.0.0.1:1", **settings
    ):
        self.folder, self.directory, self.wrap = folder, directory, wrap
        self.starttls, self.tls, self.grpc, self.health, self.metrics_port = free_ports(5)
        own = issue(directory.certificates, "submission")
        mail = issue(directory.certificates, "mail", ("localhost", "127.0.0.1"))
        self.trust = ssl.create_default_context(cafile=str(mail.ca))
        self.ca = mail.ca
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "YUBIN_HOSTNAME": "mail.a.example",
            "YUBIN_SUBMISSION_LISTEN": f"127.0.0.1:{self.starttls}",
            "YUBIN_SUBMISSIONS_LISTEN": f"127.0.0.1:{self.tls}",
            "YUBIN_SMTP_TLS_CERT": str(mail.cert),
            "YUBIN_SMTP_TLS_KEY": str(mail.key),
            "YUBIN_DIRECTORY": f"127.0.0.1:{directory.port}",
            "YUBIN_LEDGER_URL": f"sqlite://{folder}/ledger.db",
            "YUBIN_OBJECTS_URL": f"file://{folder}/objects",
            "YUBIN_NATS_URL": nats,
            "YUBIN_GRPC_LISTEN": f"127.0.0.1:{self.grpc}",
            "YUBIN_HEALTH_LISTEN": f"127.0.0.1:{self.health}",
            "YUBIN_METRICS_LISTEN": f"127.0.0.1:{self.metrics_port}",
            "YUBIN_GRACE": "10",
            "YUBIN_TLS_CA": str(own.ca),
            "YUBIN_TLS_CERT": str(own.cert),
            "YUBIN_TLS_KEY": str(own.key),
            **settings,
        }
        self.process = None

    @property
    def log(self):
        return (self.folder / "submission.log").read_text()

    def start(self):
        (self.folder / "objects").mkdir(exist_ok=True)
        with (self.folder / "submission.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrap, sys.executable, "-m", "services.submission"],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while self.metric("yubin_ready") != 1:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def terminate(self):
        """SIGTERM to the pod itself, also where it runs below another program."""
        child = self.process.pid
        if self.wrap:
            child = int(Path(f"/proc/{child}/task/{child}/children").read_text().split()[0])
        os.kill(child, signal.SIGTERM)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.terminate()
            try:
                return self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return None

    def metric(self, name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
        except OSError:
            return None
        return float(found[1]) if found else None

    @asynccontextmanager
    async def session(self):
        """Behind TLS, logged in."""
        async with Dialogue(self.tls, tls=self.trust) as talk:
            await talk.say("EHLO c.test")
            assert (await talk.login(ALICE, PASSWORD)).code == 235
            yield talk

    async def send(self, talk, content):
        assert (await talk.say(f"MAIL FROM:<{ALICE}>", "RCPT TO:<b@b.example>")).code == 250
        return await talk.letter(content)


async def directory_with_alice(folder: Path) -> DirectoryPod:
    pod = DirectoryPod(folder, **LIGHT)
    pod.start()
    async with pod.admin() as admin:
        await admin.create_tenant("acme")
        await admin.create_domain("acme", "a.example")
        await admin.create_account(ALICE, PASSWORD)
    return pod
