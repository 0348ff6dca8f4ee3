"""IMAP as FIGURES.md asks, in clear on loopback, ours and Dovecot by the same sockets.

The reader has 5,000 letters, of which a third are Japanese; everything that is fetched or searched is theirs. What is
appended goes into the mailboxes of others. Dovecot keeps its mail and what it remembers of it from round to round. Before
a row of searches all letters are in the index. The password check is remembered, on both sides.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import cpu
from bench.dovecot import IMAP as PEER_IMAP
from bench.dovecot import LMTP, PASSWORD, dovecot
from bench.inbound import KEPT, READER, SENDER, USERS
from bench.letters import letters
from bench.measure import Round, load, measure
from bench.ours import Ours

SEARCHES = {"search", "japanese"}
KINDS = {"append", "append20", "select", "flags", "envelope", "bodies", "store", "idle", *SEARCHES}
PEER_READER = "reader@to.test"
APPENDS = 500
IDLERS = 400
NO_HIT = 'SEARCH TEXT "zzzznotthere"'
JAPANESE = "会議"  # in some hundreds of letters
TIMES = {
    "select": 30,
    "flags": 40,
    "envelope": 8,
    "bodies": 20,
}  # so that each run is some tenths of a second
BEFORE: dict[
    int, float
] = {}  # KiB by port, before the first round: an allocator keeps what later rounds use again


@dataclass(frozen=True, kw_only=True)
class Side:
    """Who is measured. ``seconds``: CPU so far; ``pss``: KiB; ``user`` gives a name and password by number."""

    port: int
    reader: tuple[str, str]
    user: Callable[[int], tuple[str, str]]
    seconds: Callable[[], float]
    pss: Callable[[], float]
    searches: int  # in one run


class Line:
    """A client that counts octets and reads nothing else of what it gets."""

    def __init__(self, port: int, who: tuple[str, str]) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._count = 0
        self._until(b"* OK")
        self.say(f'LOGIN "{who[0]}" "{who[1]}"')

    def say(self, command: str | bytes, literal: bytes | None = None) -> int:
        """Octets that came up to the tagged OK; raises RuntimeError when there is none."""
        self._count += 1
        tag = b"a%d " % self._count
        octets = command.encode() if isinstance(command, str) else command
        if literal is not None:
            octets += b"{%d+}\r\n" % len(literal) + literal
        self._line.sendall(tag + octets + b"\r\n")
        return self._until(tag)

    def idle(self) -> None:
        self._line.sendall(b"z IDLE\r\n")
        self._until(b"+ ")

    def _until(self, start: bytes) -> int:
        """The last whole line begins so."""
        tail, count = b"", 0
        while True:
            data = self._line.recv(262_144)
            if not data:
                raise RuntimeError(f"it was closed: {tail!r}")
            count += len(data)
            tail = (tail + data)[-4096:]
            last = tail[tail.rfind(b"\r\n", 0, len(tail) - 2) + 2 :] if tail.count(b"\r\n") > 1 else tail
            if last.endswith(b"\r\n") and last.startswith(start):
                if start[:1] == b"a" and not last.startswith(start + b"OK"):
                    raise RuntimeError(f"refused: {last!r}")
                return count

    def close(self) -> None:
        self._line.close()


def prepare(system: Ours, kinds: Sequence[str]) -> None:
    """The reader's letters, where POP3 has not asked for them, and their index."""
    if not KINDS.intersection(kinds):
        return
    if "pop3" not in kinds:
        system.account(READER)
        load(system.port("mx"), KEPT, "--sender", SENDER, "--to", READER)
    if SEARCHES.intersection(kinds):
        system.index(KEPT)


def peer_round(kind: str, folder: Path) -> Round:
    """``folder`` stays from round to round."""
    where = folder / "imap-peer"
    new = not where.exists()
    where.mkdir(exist_ok=True)
    where.chmod(0o755)
    with dovecot(where) as pid:
        if new:
            load(LMTP, KEPT, "--lmtp", "--sender", "a@from.test", "--to", PEER_READER)
        side = Side(
            port=PEER_IMAP, reader=(PEER_READER, PASSWORD), user=lambda n: (f"u{n}@to.test", PASSWORD),
            seconds=lambda: cpu.seconds(pid), pss=lambda: cpu.pss(pid), searches=2,
        )  # fmt: skip
        return _round(kind, side)


def our_round(kind: str, system: Ours) -> Round:
    def user(number: int) -> tuple[str, str]:
        address = f"u{number}@demo.example"
        return address, system.account(address)

    side = Side(
        port=system.port("imap"), reader=(READER, system.account(READER)), user=user,
        seconds=system.seconds, pss=system.pss, searches=20,
    )  # fmt: skip
    return _round(kind, side)


def _round(kind: str, side: Side) -> Round:
    if kind in {"append", "append20"}:
        return _appends(side, USERS if kind == "append20" else 1)
    if kind == "idle":
        return _idle(side)
    if kind == "select":
        return _sessions(side)
    line = Line(side.port, side.reader)
    try:
        line.say("SELECT INBOX")
        return _commands(kind, side, line)
    finally:
        line.close()


def _commands(kind: str, side: Side, line: Line) -> Round:
    """In an open session; each was said once before."""
    said = {
        "flags": "FETCH 1:* (FLAGS)",
        "envelope": "FETCH 1:* (ENVELOPE)",
        "bodies": "UID FETCH 1:500 (BODY.PEEK[])",
        "search": NO_HIT,
    }
    if kind == "store":
        return _stores(side, line)
    command = f'SEARCH CHARSET UTF-8 TEXT "{JAPANESE}"' if kind == "japanese" else said[kind]
    times = TIMES.get(kind, side.searches)
    line.say(command)

    def work() -> None:
        for _ in range(times):
            line.say(command)

    return measure(side.seconds, work, lambda: None, times)


def _stores(side: Side, line: Line) -> Round:
    """One message in each command; each changes something."""
    numbers = range(1001, 1501)
    line.say("STORE 1001:1500 -FLAGS.SILENT (\\Flagged)")

    def work() -> None:
        for number in numbers:
            line.say(f"STORE {number} +FLAGS (\\Flagged)")

    return measure(side.seconds, work, lambda: None, len(numbers))


def _sessions(side: Side) -> Round:
    def session() -> None:
        line = Line(side.port, side.reader)
        line.say("SELECT INBOX")
        line.say("LOGOUT")
        line.close()

    session()

    def work() -> None:
        for _ in range(TIMES["select"]):
            session()

    return measure(side.seconds, work, lambda: None, TIMES["select"])


def _appends(side: Side, connections: int) -> Round:
    made = letters(APPENDS, "a@from.test", READER)
    lines = [Line(side.port, side.user(number)) for number in range(connections)]
    for line in lines:
        line.say("SELECT INBOX")

    def some(number: int) -> None:
        for letter in made[number::connections]:
            lines[number].say("APPEND INBOX ", letter)

    def work() -> None:
        threads = [threading.Thread(target=some, args=(number,)) for number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    try:
        return measure(side.seconds, work, lambda: None, APPENDS)
    finally:
        for line in lines:
            line.close()


def _idle(side: Side) -> Round:
    """``cost`` is KiB of a session that waits, ``rate`` how many were opened in a second."""
    warm = Line(side.port, side.user(0))
    before = BEFORE.setdefault(side.port, side.pss())
    lines: list[Line] = []

    def work() -> None:
        for number in range(IDLERS):
            line = Line(side.port, side.user(number % USERS))
            line.say("SELECT INBOX")
            line.idle()
            lines.append(line)

    try:
        opened = measure(side.seconds, work, lambda: None, IDLERS)
        return Round(cost=(side.pss() - before) / IDLERS, rate=opened.rate)
    finally:
        for line in (warm, *lines):
            line.close()
