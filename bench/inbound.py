"""Letters into mailboxes, their index, and out again by POP3, beside Dovecot's LMTP and POP3.

Our letters come in by SMTP on port 25 with every check that mx makes; the peer's by LMTP, without any. Twenty users have
a connection each. The index rests in the other rows, and catches up in its own.
"""

from __future__ import annotations

from pathlib import Path

from bench import cpu
from bench.dovecot import LMTP, PASSWORD, dovecot
from bench.dovecot import POP3 as PEER_POP3
from bench.measure import Round, load, measure
from bench.ours import Ours
from bench.pop3 import session

KINDS = {"mailbox", "index", "pop3"}
USERS = 20
KEPT = 5000  # letters in the reader's mailbox, as in FIGURES
LETTERS = 500  # of them are fetched in one POP3 session
READER = "reader@demo.example"
SENDER = "friend@accepts.example"


def peer_round(kind: str, folder: Path, count: int) -> Round:
    with dovecot(folder) as pid:
        if kind == "mailbox":
            to = ("--lmtp", "--sender", "a@from.test", "--to", "u{}@to.test")
            load(LMTP, 2 * USERS, *to)  # mailboxes are there
            return measure(lambda: cpu.seconds(pid), lambda: load(LMTP, count, *to), lambda: None, count)
        load(LMTP, KEPT, "--lmtp", "--sender", "a@from.test", "--to", "reader@to.test")
        return _sessions(lambda: cpu.seconds(pid), PEER_POP3, "reader@to.test", PASSWORD)


def prepare(system: Ours, kinds: tuple[str, ...]) -> None:
    """Accounts for the rows that need them, and the reader's letters."""
    if not KINDS.intersection(kinds):
        return
    for number in range(USERS):
        system.account(f"u{number}@demo.example")
    load(system.port("mx"), 2 * USERS, "--sender", SENDER, "--to", "u{}@demo.example")
    if "pop3" in kinds:
        system.account(READER)
        load(system.port("mx"), KEPT, "--sender", SENDER, "--to", READER)


def our_round(kind: str, system: Ours, count: int) -> Round:
    if kind == "mailbox":
        to = ("--sender", SENDER, "--to", "u{}@demo.example")
        return measure(system.seconds, lambda: load(system.port("mx"), count, *to), lambda: None, count)
    if kind == "index":
        return system.index(count)
    return _sessions(system.seconds, system.port("pop3"), READER, system.account(READER))


def _sessions(seconds: object, port: int, user: str, password: str, times: int = 12) -> Round:
    """The password check is remembered by then, on both sides."""
    session(port, user, password, 1)

    def work() -> None:
        for _ in range(times):
            session(port, user, password, LETTERS)

    return measure(seconds, work, lambda: None, times)  # type: ignore[arg-type]
