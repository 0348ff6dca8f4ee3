"""The mx pod as its own process; certificates come from the CA of the pods beside it."""

import contextlib
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.servers.dialogue import Dialogue
from tests.servers.ports import free_ports
from yubin.runtime.certificates import issue

ROOT = Path(__file__).parents[2]


def relay(ours, other):
    """CASES F1: what to say in RCPT TO to get a letter to ``other`` through a server of ``ours``, if it is a careless one."""
    return [
        f"user@{other}",
        f"user@{other.upper()}.",
        f"user@{other}.{ours}.{other}",
        f"user%{other}@{ours}",
        f"user%{other}@[127.0.0.1]",
        f"user@{other}@{ours}",
        f'"user@{other}"@{ours}',
        f'"user%{other}"@{ours}',
        f'"user@{other}"',
        f"@{ours}:user@{other}",
        f"@{ours},@{ours}:user@{other}",
        f"@{other}:user@{ours}",
        f"{other}!user@{ours}",
        f"{other}!user",
        f"{ours}!user@{other}",
        "user@[127.0.0.1]",
        "user@[IPv6:::1]",
        "user@127.0.0.1",
        "user@localhost",
        f"user@mx.{ours}",
        f"user@sub.{ours}",
        f"user@{ours}.{other}",
        f"user@{ours}\\@{other}",
        f'"user\\"@{other}"@{ours}',
        f"user@{ours}%{other}",
        "user",
        f"@{other}",
        "user@",
        " ",
        f"user@{ours}> <user@{other}",
        f"user@{other}>,<user@{ours}",
    ]


class MxPod:
    """``start``, ``stop`` and ``kill`` may be repeated; the ports stay the same. ``log`` is all that it has written."""

    def __init__(self, folder: Path, certificates: Path, *, wrap=(), **settings):
        self.folder, self.certificates, self.wrap = folder, certificates, wrap
        self.port, self.grpc, self.health, self.metrics_port = free_ports(4)
        own, mail = (
            issue(certificates, "mx"),
            issue(certificates, "mail", ("localhost", "127.0.0.1")),
        )
        self.trust = ssl.create_default_context(cafile=str(mail.ca))
        self.ca = mail.ca
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "YUBIN_HOSTNAME": "mx.a.example",
            "YUBIN_MX_LISTEN": f"127.0.0.1:{self.port}",
            "YUBIN_SMTP_TLS_CERT": str(mail.cert),
            "YUBIN_SMTP_TLS_KEY": str(mail.key),
            "YUBIN_DIRECTORY": "127.0.0.1:1",
            "YUBIN_MAILBOX": "127.0.0.1:1",
            "YUBIN_RESOLVER": "127.0.0.1:1",
            "YUBIN_LEDGER_URL": f"sqlite://{folder}/ledger.db",
            "YUBIN_OBJECTS_URL": f"file://{folder}/objects",
            "YUBIN_NATS_URL": "nats://127.0.0.1:1",
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
        return (self.folder / "mx.log").read_text()

    def start(self):
        (self.folder / "objects").mkdir(exist_ok=True)
        with (self.folder / "mx.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrap, sys.executable, "-m", "services.mx"],
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

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self):
        """The pod itself first, where it runs below another program: that one's end would leave it running."""
        if self.process is not None and self.process.poll() is None:
            above = self.process.pid
            if self.wrap:
                for child in Path(f"/proc/{above}/task/{above}/children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)
            self.process.kill()
            self.process.wait(10)

    def metric(self, name):
        """The sum over the series whose name and labels begin so."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                found = re.findall(rf"^{re.escape(name)}[^ ]* (\S+)$", answer.read().decode(), re.MULTILINE)
        except OSError:
            return 0.0
        return sum(map(float, found))

    @contextlib.asynccontextmanager
    async def session(self, *, tls=False):
        async with Dialogue(self.port) as talk:
            await talk.say("EHLO c.test")
            if tls:
                await talk.starttls(self.trust)
                await talk.say("EHLO c.test")
            yield talk

    async def send(self, talk, content, *to, sender="s@s.example"):
        """One transaction; the reply that ends it."""
        reply = await talk.say(f"MAIL FROM:<{sender}>")
        if reply.code != 250:
            return reply
        replies = [await talk.say(f"RCPT TO:<{address}>") for address in to or ["anna@a.example"]]
        if all(reply.code != 250 for reply in replies):
            await talk.say("RSET")
            return replies[0]
        return await talk.letter(content)

    def rows(self):
        """What the ledger's file holds: (recipient, class)."""
        where = f"file:{self.folder}/ledger.db?mode=ro"
        with contextlib.closing(sqlite3.connect(where, uri=True)) as db:
            return db.execute(
                "SELECT r.address, m.klass FROM recipient r JOIN delivery d ON d.id = r.delivery_id"
                " JOIN message m ON m.id = d.message_id ORDER BY r.address"
            ).fetchall()
