"""A whole system as `make run` starts it, on ports of its own: for tests that look at it from outside.

    with System(folder, settings) as system: ...        # ready inside, stopped in order at the end

Every process is known by the pid in run.json; nothing is ended by name.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from tests.servers.ports import free_base
from yubin.up import ports
from yubin.up.config import Config
from yubin.up.folder import start_time

START, STOP = 90.0, 60.0
OFFSETS = ports.of(Config(port_base=0)).named().values()


class System:
    """``settings`` is TOML for --config; ``demo`` with the pretend world."""

    def __init__(
        self, folder: Path, settings: str = "", *, demo: bool = True, base: int | None = None
    ) -> None:
        self.folder, self.state = folder, folder / "state"
        self.base = base or free_base(OFFSETS)
        self.ports = ports.of(Config(port_base=self.base)).named()
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "yubin.toml"
        config.write_text(f'state = "state"\nport_base = {self.base}\n{settings}')
        self.command = [sys.executable, "-m", "yubin.cli.main", "up", "--config", str(config)]
        self.command += ["--demo"] if demo else []
        self.output = folder / "up.out"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def launch(self) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        return self.process

    def start(self) -> None:
        process = self.launch()
        self.until(lambda: self.status().get("pid") == process.pid and self.status().get("ready"), START)

    def until(self, true: Callable[[], Any], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end or (self.process and self.process.poll() is not None):
                pytest.fail(f"it did not come about; it said:\n{self.said()[-4000:]}")
            time.sleep(0.05)

    def status(self) -> dict[str, Any]:
        try:
            return json.loads((self.state / "run.json").read_text())
        except (OSError, ValueError):
            return {}

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def pids(self) -> dict[str, int]:
        return {name: entry["pid"] for name, entry in self.status().get("processes", {}).items()}

    def password(self, name: str) -> str:
        return (self.state / "secrets" / f"{name}-password").read_text().strip()

    def ask_to_stop(self) -> None:
        """What Ctrl-C does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)

    def stop(self) -> int:
        self.ask_to_stop()
        assert self.process is not None
        return self.process.wait(STOP)

    def end(self) -> None:
        """However it is: in order, else by force."""
        pids = self.pids()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        end = time.monotonic() + 10
        while any(start_time(pid) is not None for pid in pids.values()) and time.monotonic() < end:
            time.sleep(0.05)

    def yubin(self, *arguments: str) -> str:
        """What the command says; fails the test if it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "yubin.cli.main", *arguments],
            env=os.environ | {"YUBIN_STATE": str(self.state)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
