"""What a process says: all of it into a bounded file, and a short line of what matters to the terminal.

The file is turned over at ``LIMIT`` (one older one is kept). Pods write JSON; the terminal gets the sentence of a line
that is a warning or worse, or of one of the few actions that tell a person how the system is. It gets at most
``RATE`` lines a second from each process: a storm goes to the file only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

LIMIT = 16 * 1024 * 1024
LINE = 16 * 1024
RATE, BURST = 5.0, 20.0
SHOWN = frozenset({"ready", "stop", "stopped", "died"})
GRAVE = frozenset({"warning", "error", "critical"})
EXTRAS = ("why", "probe", "message", "site", "text", "exception")


class LogFile:
    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self._path, self._limit = path, limit
        self._file: BinaryIO = path.open("ab")
        self._size = self._file.tell()

    def write(self, line: bytes) -> None:
        """A full disk costs lines, and never stops the process that speaks."""
        try:
            if self._size + len(line) > self._limit:
                self._turn_over()
            self._file.write(line)
            self._file.flush()
        except OSError:
            return
        self._size += len(line)

    def close(self) -> None:
        self._file.close()

    def _turn_over(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_suffix(".log.1"))
        self._file, self._size = self._path.open("ab"), 0


class Speaker:
    """One process's way to the terminal: ``line(name, raw)`` shows it, or not."""

    def __init__(
        self,
        name: str,
        show: Callable[[str], None],
        *,
        foreign: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._show, self._clock = name, show, clock
        self._sentence = foreign_sentence if foreign else sentence
        self._tokens, self._at, self._kept_back = BURST, clock(), 0

    def line(self, raw: bytes) -> None:
        if (said := self._sentence(raw)) is None:
            return
        if not self._may():
            self._kept_back += 1
            return
        if self._kept_back:
            said, self._kept_back = f"{said}  (and {self._kept_back} more lines in its log)", 0
        self._show(f"{self._name:<11} {said}")

    def _may(self) -> bool:
        now = self._clock()
        self._tokens, self._at = min(BURST, self._tokens + (now - self._at) * RATE), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def sentence(raw: bytes) -> str | None:
    """What a person needs to see of a line, printable and short; None for nothing."""
    if raw[:1] != b"{":  # a traceback before logging was set up, or a settings error
        return _printable(raw.decode("utf-8", "replace")) or None
    try:
        entry = json.loads(raw)
    except ValueError:
        return _printable(raw.decode("utf-8", "replace"))
    if not isinstance(entry, dict):
        return None
    if entry.get("level") not in GRAVE and entry.get("action") not in SHOWN:
        return None
    return _printable(str(entry.get("event", "")) + _extras(entry))


def foreign_sentence(raw: bytes) -> str | None:
    """Of a program that is none of our pods: nats-server marks its lines, and tracebacks have none of its marks."""
    text = raw.decode("utf-8", "replace")
    harmless = any(mark in text for mark in ("[INF]", "[DBG]", "[TRC]"))
    return None if harmless else _printable(text) or None


def _extras(entry: dict[str, Any]) -> str:
    found = [str(entry[name]).strip().rpartition("\n")[2] for name in EXTRAS if entry.get(name)]
    return f" [{'; '.join(found)}]" if found else ""


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text.strip())[:300]
