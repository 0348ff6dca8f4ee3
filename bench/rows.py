"""The rows of the table: what is measured, beside whom, and how good it has to be (FIGURES.md's first goals)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``ratio`` to the peer of the same run decides; ``limit`` is CPU ms per ``unit``, for orientation.

    ``of`` says where it is something else.
    """

    words: str
    peer: str  # Postfix, Dovecot, or "" where there is none
    limit: float
    ratio: float = 0.0
    unit: str = "letter"
    of: str = "ms"


FIGURES = {
    "pods": Figure(words="a pod that idles, RSS of the largest", peer="", limit=90.0, unit="pod", of="MB"),
    "accept": Figure(words="accept, durable", peer="Postfix", limit=1.2, ratio=0.9),
    "reused": Figure(words="accept + deliver, connections reused", peer="Postfix", limit=2.6, ratio=0.9),
    "one": Figure(words="accept + deliver, one connection per letter", peer="Postfix", limit=3.1, ratio=1.0),
    "mailbox": Figure(words="mx to mailbox, 20 users", peer="Dovecot", limit=2.6, ratio=0.8),
    "index": Figure(words="index of one letter, in the background", peer="", limit=2.0),
    "append": Figure(words="IMAP APPEND, 1 connection", peer="Dovecot", limit=2.0),
    "append20": Figure(words="IMAP APPEND, 20 connections", peer="Dovecot", limit=1.4),
    "select": Figure(
        words="IMAP LOGIN + SELECT + LOGOUT", peer="Dovecot", limit=10.0, ratio=0.5, unit="session"
    ),
    "flags": Figure(
        words="IMAP FETCH 1:* (FLAGS), 5,000", peer="Dovecot", limit=40.0, ratio=6.0, unit="command"
    ),
    "envelope": Figure(
        words="IMAP FETCH 1:* (ENVELOPE), 5,000", peer="Dovecot", limit=150.0, ratio=2.0, unit="command"
    ),
    "bodies": Figure(
        words="IMAP UID FETCH, 500 bodies", peer="Dovecot", limit=60.0, ratio=4.0, unit="command"
    ),
    "store": Figure(words="IMAP STORE, single", peer="Dovecot", limit=1.2, ratio=1.0, unit="command"),
    "search": Figure(
        words="IMAP SEARCH TEXT, 5,000, no hit", peer="Dovecot", limit=20.0, ratio=0.02, unit="command"
    ),
    "japanese": Figure(
        words="IMAP SEARCH TEXT, two Japanese characters",
        peer="Dovecot",
        limit=20.0,
        ratio=0.02,
        unit="command",
    ),
    "idle": Figure(
        words="IMAP IDLE in clear, memory", peer="Dovecot", limit=60.0, ratio=0.1, unit="session", of="KiB"
    ),
    "pop3": Figure(words="POP3 login + RETR 500", peer="Dovecot", limit=200.0, ratio=1.2, unit="session"),
}
