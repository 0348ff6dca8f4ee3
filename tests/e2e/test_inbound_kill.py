"""kill -9 of mx and mailbox while other people's servers hand letters in at port 25: the ledger check of CASES.md for mail in.

Each client notes (Message-ID, recipient, body) at its 250, and tries again what had none, as a mail server does. In the
end the mailboxes are read by POP3: acked − found = ∅, equal bodies, and no double but of letters whose 250 nobody heard.
"""

from __future__ import annotations

import contextlib
import hashlib
import poplib
import random
import re
import smtplib
import sqlite3
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.e2e import town as towns
from tests.e2e.conftest import QUICK
from tests.e2e.town import Town, wait

LETTERS, CLIENTS = 400, 6
VICTIMS, PAUSE, TIMES = ("mailbox", "mx"), 2.0, 3  # in turn, one each so many seconds
LAST = 60  # letters that wait until everybody was killed so often
CUT = 20  # of every so many letters, one is cut off before its dot, and one behind it
WIDE = "[pods.mx]\nconnections_per_minute = 100000\n"
PEOPLE = ("alice", "bob")
KEPT = "SELECT count(*) FROM delivery JOIN message m ON m.id = message_id WHERE m.klass LIKE 'inbound%'"
WAITING = f"{KEPT} AND ended IS NULL"


@dataclass
class Notes:
    """``acked``: (Message-ID, recipient) → sha256; ``tries``: how often each got as far as its content."""

    acked: dict[tuple[str, str], str] = field(default_factory=dict)
    tries: Counter[tuple[str, str]] = field(default_factory=Counter)
    cut: dict[str, bool] = field(default_factory=dict)  # Message-ID → its dot was sent
    lock: threading.Lock = field(default_factory=threading.Lock)
    enough: threading.Event = field(default_factory=threading.Event)


class Server(threading.Thread):
    """Somebody else's: hands in letters until none is left, a new session after each failure."""

    def __init__(self, town: Town, notes: Notes, work: list[int]) -> None:
        super().__init__(daemon=True)
        self.town, self.notes, self.work = town, notes, work
        self.client: smtplib.SMTP | None = None

    def run(self) -> None:
        while True:
            with self.notes.lock:
                i = self.work.pop() if self.work else None
            if i is None:
                self._close()
                return
            if i < LAST:
                self.notes.enough.wait(150)
            if i % CUT < 2:
                self._cut_off(i, dot=i % CUT == 1)
            waiting = recipients(i)
            while waiting := self._hand_in(i, waiting):
                time.sleep(0.3)

    def _hand_in(self, i: int, to: list[str]) -> list[str]:
        """Those that have no 250."""
        message_id, content = letter(i)
        try:
            self._connect()
            assert self.client is not None
            self.client.mail("friend@accepts.example")
            willing = [one for one in to if self.client.rcpt(f"{one}@demo.example")[0] == 250]
            if not willing:
                self.client.rset()
                return to
            with self.notes.lock:
                self.notes.tries.update((message_id, one) for one in willing)
            code, _ = self.client.data(content)
        except (OSError, smtplib.SMTPException):
            self._close()
            return to
        if code != 250:
            return to
        with self.notes.lock:
            digest = hashlib.sha256(content.partition(b"\r\n\r\n")[2]).hexdigest()
            self.notes.acked |= {(message_id, one): digest for one in willing}
        return [one for one in to if one not in willing]

    def _cut_off(self, i: int, *, dot: bool) -> None:
        """CASES A11: a letter of its own, whose client is gone before its last dot, or behind it without an answer."""
        message_id, content = letter(i, "cut")
        try:
            self._connect()
            assert self.client is not None
            self.client.mail("friend@accepts.example")
            self.client.rcpt("alice@demo.example")
            if self.client.docmd("DATA")[0] == 354:
                with self.notes.lock:
                    self.notes.cut[message_id] = dot
                self.client.send(content + b".\r\n" if dot else content)
        except (OSError, smtplib.SMTPException):
            pass
        self._close()

    def _connect(self) -> None:
        if self.client is None:
            client = smtplib.SMTP("localhost", self.town.ports["mx"], timeout=60)
            self.client = client
            client.starttls(context=ssl.create_default_context(cafile=self.town.ca))
            client.ehlo("accepts.example")

    def _close(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None


def letter(i: int, name: str = "in") -> tuple[str, bytes]:
    """The same at each try; one of six is above the row limit, and lies in the object store."""
    chance, message_id = random.Random(f"{name}{i}"), f"<{name}.{i}@accepts.example>"
    lines = [f"{chance.random()}\r\n" for _ in range(chance.choice([3, 10, 50, 200, 800, 5000]))]
    head = f"From: friend@accepts.example\r\nTo: you\r\nMessage-ID: {message_id}\r\nSubject: n{i}\r\n\r\n"
    return message_id, (head + "".join(lines)).encode()


def recipients(i: int) -> list[str]:
    return [*PEOPLE] if i % 3 == 0 else [PEOPLE[i % 2]]


@pytest.mark.timeout(420)
def test_a_250_at_port_25_survives_kill_nine(tmp_path):
    """CASES A1 (for mx), A11, H13 in small: each acked copy is there once and whole, those of the fallback too."""
    with towns.town(tmp_path / "state", QUICK + WIDE) as town:
        notes, work = Notes(), list(range(LETTERS))  # handed in from the end
        servers = [Server(town, notes, work) for _ in range(CLIENTS)]
        for server in servers:
            server.start()
        killed = _kill_until(town, notes, lambda: not any(server.is_alive() for server in servers))
        assert sum(len(recipients(i)) for i in range(LETTERS)) == len(notes.acked)
        assert min(killed[name] for name in VICTIMS) >= TIMES, killed
        wait(lambda: _asked(town, WAITING) == 0, 90, "end of the fallback")
        found = {who: town.inbox(who) for who in PEOPLE}
        doubles = _judge(notes, found)
        kept = _asked(town, KEPT)
        print(
            f"killed {dict(killed)}; copies acked {len(notes.acked)}, tries {sum(notes.tries.values())}, "
            f"through the ledger {kept}, twice {doubles}; letters cut off {len(notes.cut)}"
        )
        assert kept > 0
        _uidls_outlive(town)


def _judge(notes: Notes, found: dict[str, list[bytes]]) -> int:
    """How many copies are there twice or more."""
    times: Counter[tuple[str, str]] = Counter()
    for who, letters in found.items():
        for one in letters:
            head, _, body = one.partition(b"\r\n\r\n")
            message_id = re.search(rb"^Message-ID: (\S+)", head, re.MULTILINE)
            assert message_id, head
            name = message_id[1].decode()
            times[name, who] += 1
            expected = notes.acked.get((name, who)) or _digest(name)
            assert hashlib.sha256(body).hexdigest() == expected, name
    assert notes.acked.keys() - times.keys() == set()
    for copy, n in times.items():
        if copy[0] in notes.cut:
            assert n <= notes.cut[copy[0]], f"{copy}: {n} times, and its dot was not sent"
        else:
            assert 1 <= n <= notes.tries[copy], copy
    return sum(n > 1 for n in times.values())


def _digest(message_id: str) -> str:
    """Of a letter that was cut off."""
    name, _, number = message_id.strip("<>").partition("@")[0].partition(".")
    return hashlib.sha256(letter(int(number), name)[1].partition(b"\r\n\r\n")[2]).hexdigest()


def _kill_until(town: Town, notes: Notes, done) -> Counter[str]:
    killed: Counter[str] = Counter()
    turn = 0
    while not done():
        time.sleep(PAUSE)
        name = VICTIMS[turn % len(VICTIMS)]
        program = town.run_file()["processes"].get(name, {"ready": False})
        if program["ready"] and killed[name] < TIMES:
            town.kill(name)
            killed[name] += 1
        turn += 1
        if min(killed[name] for name in VICTIMS) >= TIMES:
            notes.enough.set()
    return killed


def _asked(town: Town, question: str) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{town.state}/ledger.db?mode=ro", uri=True)) as db:
        return int(db.execute(question).fetchone()[0])


def _uidls_outlive(town: Town) -> None:
    """A DELE whose session ends without QUIT is none, and UIDLs are the same after SIGKILL of mailbox and gateway."""
    box = wait(lambda: _maildrop(town), 30, "maildrop")
    before = box.uidl()[1]
    box.dele(1)
    box.close()
    wait(lambda: _maildrop(town), 30, "maildrop whose lock was given back").quit()
    for name in ("mailbox", "gateway"):
        pid = town.pid(name)
        town.kill(name)
        wait(lambda name=name, pid=pid: _new(town, name, pid), 60, f"new {name}")
    box = wait(lambda: _maildrop(town), 60, "maildrop")
    after = box.uidl()[1]
    box.quit()
    assert len(before) > LETTERS / 2
    assert after == before


def _new(town: Town, name: str, pid: int) -> bool:
    program = town.run_file()["processes"].get(name, {"ready": False})
    return program["ready"] and program["pid"] != pid


def _maildrop(town: Town) -> poplib.POP3_SSL | None:
    """Bob's; None while it is locked, or nobody is there."""
    trust = ssl.create_default_context(cafile=town.ca)
    try:
        box = poplib.POP3_SSL("localhost", town.ports["pop3s"], context=trust, timeout=30)
    except OSError:
        return None
    try:
        box.user("bob@demo.example")
        box.pass_(town.password("bob"))
    except (OSError, poplib.error_proto):
        box.close()
        return None
    return box
