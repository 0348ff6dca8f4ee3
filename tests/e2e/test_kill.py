"""kill -9 of submission, delivery and nats-server while letters are handed in: the ledger check of CASES.md.

A generator notes (Message-ID, recipient, body) at each 250. The pretend world notes what arrived; DSNs are in the sender's mailbox. The
checker proves: acked − (delivered ∪ DSN) = ∅, equal bodies, and counts duplicates.
"""

from __future__ import annotations

import hashlib
import random
import smtplib
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.e2e import town as towns
from tests.e2e.conftest import QUICK
from tests.e2e.town import Town, wait

LETTERS, CLIENTS = 2000, 8
VICTIMS, PAUSE, TIMES = ("submission", "delivery", "nats"), 1.5, 2  # in turn, one each so many seconds
LAST = 200  # letters that wait until everybody was killed so often: the machine may be fast


@dataclass
class Notes:
    """What was promised: Message-ID → sha256 of the body, and to whom."""

    acked: dict[str, tuple[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    enough: threading.Event = field(default_factory=threading.Event)


class Sender(threading.Thread):
    """Hands in letters until none is left; a letter without a 250 is tried again, as a mail program would."""

    def __init__(self, town: Town, notes: Notes, work: list[int]) -> None:
        super().__init__(daemon=True)
        self.town, self.notes, self.work = town, notes, work
        self.client: smtplib.SMTP_SSL | None = None

    def run(self) -> None:
        while True:
            with self.notes.lock:
                i = self.work.pop() if self.work else None
            if i is None:
                self._close()
                return
            if i < LAST:
                self.notes.enough.wait(120)
            while not self._hand_in(i):
                self._close()
                time.sleep(0.2)

    def _close(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None

    def _hand_in(self, i: int) -> bool:
        message_id = f"<{i}@demo.example>"
        to = f"u{i}@refuses.example" if i % 50 == 0 else f"u{i}@accepts.example"
        chance = random.Random(i)  # a letter that is tried again is the same letter
        body = f"letter {i}\r\n" + "".join(
            f"{chance.random()}\r\n" for _ in range(chance.choice([5, 50, 5000]))
        )
        head = f"From: alice@demo.example\r\nTo: {to}\r\nMessage-ID: {message_id}\r\nSubject: n{i}\r\n\r\n"
        try:
            if self.client is None:
                context = ssl.create_default_context(cafile=self.town.ca)
                self.client = smtplib.SMTP_SSL(
                    "localhost", self.town.ports["submissions"], context=context, timeout=30
                )
                self.client.login("alice@demo.example", self.town.password())
            self.client.sendmail("alice@demo.example", [to], head + body)
        except (OSError, smtplib.SMTPException):
            return False
        with self.notes.lock:
            self.notes.acked[message_id] = (to, hashlib.sha256(body.encode()).hexdigest())
        return True


def arrivals(town: Town) -> tuple[Counter[tuple[str, str]], dict[str, set[str]], set[str]]:
    """(Message-ID, recipient) → times; Message-ID → body digests; Message-IDs that a DSN names."""
    times: Counter[tuple[str, str]] = Counter()
    bodies: dict[str, set[str]] = {}
    reported: set[str] = set()
    for envelope, data in town.all():
        head, _, body = data.partition(b"\r\n\r\n")
        message_id = _field(head, b"Message-ID")
        times.update((message_id, to) for to in envelope.recipients)
        bodies.setdefault(message_id, set()).add(hashlib.sha256(body).hexdigest())
    for data in town.inbox("alice"):  # DSNs are for a local account, and never leave
        reported.add(_field(data.partition(b"\r\n\r\n")[2], b"Message-ID"))
    return times, bodies, reported


def _field(data: bytes, name: bytes) -> str:
    for line in data.split(b"\r\n"):
        if line.lower().startswith(name.lower() + b":"):
            return line.partition(b":")[2].strip().decode()
    return ""


@pytest.mark.timeout(420)
def test_kill_nine_of_anything_loses_nothing(tmp_path):
    """2,000 submissions while submission, delivery and nats-server die by SIGKILL in turn. CASES A1, B1 and B5 in small."""
    with towns.town(tmp_path / "state", QUICK.replace("poll = 0.2", "poll = 0.2\nlease = 20.0")) as town:
        notes, work = Notes(), list(range(LETTERS))  # handed in from the end
        senders = [Sender(town, notes, work) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        killed = _kill_until(town, notes, lambda: not any(s.is_alive() for s in senders))
        assert len(notes.acked) == LETTERS
        assert min(killed[name] for name in VICTIMS) >= TIMES, killed
        times, bodies, reported = wait(
            lambda: _all_there(town, notes), 150, f"end of {LETTERS} letters {_gap(town, notes)}"
        )
        for message_id, (to, digest) in notes.acked.items():
            if to.endswith("accepts.example"):
                assert times[message_id, to] >= 1
                assert bodies[message_id] == {digest}
            else:
                assert message_id in reported
        doubles = sum(n - 1 for n in times.values())
        print(f"killed {dict(killed)}, letters {LETTERS}, lost 0, duplicates {doubles}")
        assert doubles <= LETTERS // 20


def _kill_until(town: Town, notes: Notes, done) -> Counter[str]:
    killed: Counter[str] = Counter()
    turn = 0
    while not done():
        time.sleep(PAUSE)
        name = VICTIMS[turn % len(VICTIMS)]
        program = town.run_file()["processes"].get(name, {"ready": False})
        if program["ready"] and killed[name] < 2 * TIMES:
            town.kill(name)
            killed[name] += 1
        turn += 1
        if min(killed[name] for name in VICTIMS) >= TIMES:
            notes.enough.set()
    return killed


def _all_there(town: Town, notes: Notes):
    times, bodies, reported = arrivals(town)
    for message_id, (to, _) in notes.acked.items():
        if (message_id, to) not in times and message_id not in reported:
            time.sleep(1)
            return None
    return times, bodies, reported


def _gap(town: Town, notes: Notes) -> str:
    return f"(state in {town.state})"
