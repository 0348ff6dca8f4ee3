"""A town: the very processes that `make run` starts, in a folder and on ports of its own, and clients that others wrote."""

from __future__ import annotations

import json
import os
import poplib
import random
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
import pytest

from tests.servers.ports import free_base
from tests.servers.up import OFFSETS
from yubin.outside.letters import Envelope, Letters

poplib._MAXLINE = 2**20  # lines of letters may be longer than it thinks
YUBIN = str(Path(sys.executable).parent / "yubin")
PODS = ("directory", "resolver", "submission", "delivery", "api", "mailbox", "mx", "gateway")
NUMBER = re.compile(r"queued as ([0-9A-HJKMNP-TV-Z]{26})")


class Town:
    def __init__(self, state: Path, process: subprocess.Popen[bytes], ports: dict[str, int]) -> None:
        self.state = state
        self.process = process
        self.ports = ports
        self.letters = Letters(state / "outside")
        self.ca = str(state / "certificates" / "ca.pem")

    def password(self, name: str = "alice") -> str:
        return (self.state / "secrets" / f"{name}-password").read_text().strip()

    def account(self, name: str) -> str:
        """Another account, with a password of its own; the address."""
        address, password = f"{name}@demo.example", f"{random.getrandbits(64):x}-Zq"
        self.yubin("user", "add", address, typed=password + "\n")
        (self.state / "secrets" / f"{name}-password").write_text(password)
        return address

    def run_file(self) -> dict[str, Any]:
        return json.loads((self.state / "run.json").read_text())

    def pid(self, program: str) -> int:
        return self.run_file()["processes"][program]["pid"]

    def kill(self, program: str) -> None:
        """SIGKILL; the supervisor brings it back."""
        os.kill(self.pid(program), signal.SIGKILL)

    def metrics(self, pod: str) -> str:
        import urllib.request

        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.ports[f'{pod}_metrics']}/metrics", timeout=10
        ) as answer:
            return answer.read().decode()

    def metric(self, pod: str, name: str, **labels: str) -> float:
        """The sum of the samples whose labels include these."""
        total = 0.0
        for line in self.metrics(pod).splitlines():
            m = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? ([^ ]+)", line)
            if m and m[1] == name and all(f'{k}="{v}"' in (m[2] or "") for k, v in labels.items()):
                total += float(m[3])
        return total

    def log(self, pod: str) -> str:
        return (self.state / "log" / f"{pod}.log").read_text(errors="replace")

    def yubin(self, *words: str, ok: bool = True, typed: str | None = None) -> str:
        """The command as a person types it; ``typed`` is its standard input."""
        env = os.environ | {"YUBIN_STATE": str(self.state), "COLUMNS": "160"}
        done = subprocess.run(
            [YUBIN, *words], env=env, capture_output=True, text=True, timeout=60, check=False, input=typed
        )
        if ok:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def track(self, number: str) -> dict[str, Any]:
        return json.loads(self.yubin("track", number, "--json"))

    def swaks(self, to: str, *more: str, tls: str = "starttls", user: str = "alice", ok: bool = True) -> str:
        """What swaks said; ``more`` are its own options."""
        where = {"starttls": ["--tls"], "tls": ["--tls-on-connect"]}[tls]
        port = self.ports["submission" if tls == "starttls" else "submissions"]
        who = f"{user}@demo.example"
        done = subprocess.run(
            ["swaks", "--server", f"localhost:{port}", *where, "--tls-verify", "--tls-ca-path", self.ca,
             "--auth", "PLAIN", "--auth-user", who, "--auth-password", self.password(user),
             "--from", who, "--to", to, "--timeout", "60", *more],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        if ok:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def send(self, to: str, *more: str, **how: Any) -> str:
        """The tracking number of a letter that swaks handed in."""
        found = NUMBER.search(self.swaks(to, *more, **how))
        assert found, "no tracking number in the 250 reply"
        return found[1]

    def msmtp(self, to: str, letter: str, *, tls: str = "starttls", user: str = "bob") -> None:
        port = self.ports["submission" if tls == "starttls" else "submissions"]
        who = f"{user}@demo.example"
        subprocess.run(
            ["msmtp", "--host=localhost", f"--port={port}", "--tls=on", f"--tls-starttls={'on' if tls == 'starttls' else 'off'}",
             f"--tls-trust-file={self.ca}", "--auth=plain", f"--user={who}",
             f"--passwordeval=cat {self.state}/secrets/{user}-password", f"--from={who}", to],
            input=letter.encode(), check=True, timeout=60, capture_output=True,
        )  # fmt: skip

    def inbox(self, user: str = "alice") -> list[bytes]:
        """Every letter in somebody's INBOX, by POP3 over TLS; another session that ends just now is waited for."""
        trust = ssl.create_default_context(cafile=self.ca)
        for _ in range(100):
            box = poplib.POP3_SSL("localhost", self.ports["pop3s"], context=trust, timeout=30)
            try:
                box.user(f"{user}@demo.example")
                box.pass_(self.password(user))
                return [b"\r\n".join(box.retr(n + 1)[1]) + b"\r\n" for n in range(box.stat()[0])]
            except poplib.error_proto as error:
                if b"IN-USE" not in error.args[0]:
                    raise
                time.sleep(0.1)
            finally:
                box.quit()
        pytest.fail(f"the maildrop of {user} stays locked")

    def received(self, user: str, text: bytes, timeout: float = 30.0) -> bytes:
        """The first letter in somebody's INBOX that has this text; fails after ``timeout`` seconds."""
        return wait(
            lambda: next((letter for letter in self.inbox(user) if text in letter), None),
            timeout,
            f"letter with {text!r} for {user}",
        )

    def report(self, number: str, user: str = "alice") -> bytes:
        """The DSN about a letter, in its sender's INBOX."""
        return wait(lambda: next(iter(self.reports(number, user)), None), 30, f"report on {number}")

    def reports(self, number: str, user: str = "alice") -> list[bytes]:
        return [
            one
            for one in self.inbox(user)
            if one.startswith(b"Return-Path: <>\r\n") and number.encode() in one
        ]

    def outside(self, to: str, *more: str, sender: str = "friend@accepts.example", ok: bool = True) -> str:
        """A letter from somebody else's server, by swaks into port 25 with STARTTLS; what swaks said."""
        done = subprocess.run(
            ["swaks", "--server", f"localhost:{self.ports['mx']}", "--tls", "--tls-verify", "--tls-ca-path", self.ca,
             "--from", sender, "--to", to, "--timeout", "60", *more],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        if ok:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def arrived(
        self, wanted: Callable[[Envelope, bytes], bool], timeout: float = 30.0
    ) -> tuple[Envelope, bytes]:
        """The first letter at the sink that is wanted; fails after ``timeout`` seconds."""
        return wait(
            lambda: next(((e, d) for e, d in self.all() if wanted(e, d)), None), timeout, "letter at the sink"
        )

    def all(self) -> list[tuple[Envelope, bytes]]:
        return [(e, self.letters.data(e.number)) for e in self.letters.all()]

    def lookup(self, name: str, kind: str = "TXT") -> list[bytes]:
        """What the pretend world's DNS says, asked directly."""
        question = dns.message.make_query(name, kind)
        answer = dns.query.udp(question, "127.0.0.1", port=self.ports["outside_dns"], timeout=5)
        return [
            b"".join(item.strings)
            for rrset in answer.answer
            for item in rrset
            if item.rdtype == dns.rdatatype.TXT
        ]

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def wait(look: Callable[[], Any], timeout: float, what: str) -> Any:
    """The first truthy answer; fails after ``timeout`` seconds."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail(f"no {what} within {timeout:g} s")


@contextmanager
def town(state: Path, config: str = "") -> Iterator[Town]:
    """Starts `yubin up --demo`, waits until it is ready, stops it with Ctrl-C; ``config`` is TOML."""
    file = state.parent / f"{state.name}.toml"
    file.write_text(f'state = "{state}"\nport_base = {free_base(OFFSETS)}\n{config}')
    out = (state.parent / f"{state.name}.out").open("ab")
    process = subprocess.Popen([YUBIN, "up", "--demo", "--config", str(file)], stdout=out, stderr=out)
    try:
        yield Town(state, process, wait(lambda: _ready(state, process), 60, "ready system")["ports"])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        out.close()


def _ready(state: Path, process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    if process.poll() is not None:
        pytest.fail(f"yubin up ended: {(state.parent / f'{state.name}.out').read_text()[-3000:]}")
    try:
        run = json.loads((state / "run.json").read_text())
    except (OSError, json.JSONDecodeError):
        return None
    return run if run["ready"] and run["pid"] == process.pid else None
