"""The state folder: one place for all that is kept, 0700, locked by whoever runs it.

    ledger.db accounts.db objects/ nats/     what must not be lost
    certificates/ secrets/                   made at the first start, kept
    log/                                     one file for each process, bounded
    outside/ outside.zone                    the pretend world (demo)
    cli.toml                                 where `yubin` finds the api
    run.json                                 what runs now: pids, ports, ready (for tests and tools)
    lock

After a crash of the supervisor its processes may still be ending; ``end_leftovers`` waits for those that run.json
names, and knows them by their start time, so that a number that was given away again is left in peace.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yubin.errors import Unavailable

LEFTOVER_PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """``started`` in clock ticks since boot, as /proc says."""

    pid: int
    started: int

    def alive(self) -> bool:
        return start_time(self.pid) == self.started


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def open(self) -> None:
        """Make what is missing, and lock it; raises Unavailable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("log", "nats", "objects", "secrets", "certificates"):
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            owner = self.status().get("pid", "unknown")
            raise Unavailable(
                f"another `yubin up` (process {owner}) runs on {self.path}: stop it, or choose another --state"
            ) from None

    def close(self) -> None:
        os.close(self._lock)

    def secret(self, name: str, octets: int = 32) -> str:
        """A random text in a file of its own, made once."""
        path = self.path / "secrets" / name
        if not path.exists():
            write(path, secrets.token_urlsafe(octets) + "\n", 0o600)
        return path.read_text("utf-8").strip()

    def key(self, name: str) -> str:
        """32 random octets in base64, in a file of their own, made once."""
        path = self.path / "secrets" / name
        if not path.exists():
            write(path, base64.b64encode(secrets.token_bytes(32)).decode() + "\n", 0o600)
        return path.read_text("utf-8").strip()

    def status(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_status(self, status: dict[str, Any]) -> None:
        write(self.path / "run.json", json.dumps(status, indent=2) + "\n", 0o600, sync=False)

    def end_leftovers(self) -> int:
        """Ends what a supervisor that died left behind; how many there were. The lock must be held."""
        left = [p for p in _processes(self.status()) if p.alive()]
        _signal(left, signal.SIGTERM)
        end = time.monotonic() + LEFTOVER_PATIENCE
        while any(p.alive() for p in left) and time.monotonic() < end:
            time.sleep(0.05)
        _signal(left, signal.SIGKILL)
        return len(left)


def _signal(processes: list[Process], number: signal.Signals) -> None:
    for process in processes:
        if process.alive():
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue


def _processes(status: dict[str, Any]) -> list[Process]:
    found = []
    for entry in status.get("processes", {}).values():
        pid, started = entry.get("pid"), entry.get("started")
        if isinstance(pid, int) and isinstance(started, int):
            found.append(Process(pid=pid, started=started))
    return found


def start_time(pid: int) -> int | None:
    """Of a process that runs; None for one that is gone or a zombie (proc(5), fields 3 and 22)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def write(path: Path, text: str, mode: int, *, sync: bool = True) -> None:
    """Aside, then renamed: a reader sees the old or the new."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    aside.replace(path)
