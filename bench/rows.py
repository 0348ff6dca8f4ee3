"""The rows of the table: what is measured, beside whom, and how good it has to be (FIGURES.md's first goals)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``ratio`` to the peer of the same run decides; ``limit`` is CPU ms per ``unit``, for orientation."""

    words: str
    peer: str  # Postfix, Dovecot, or "" where there is none
    limit: float
    ratio: float = 0.0
    unit: str = "letter"


FIGURES = {
    "accept": Figure(words="accept, durable", peer="Postfix", limit=1.2, ratio=0.9),
    "reused": Figure(words="accept + deliver, connections reused", peer="Postfix", limit=2.6, ratio=0.9),
    "one": Figure(words="accept + deliver, one connection per letter", peer="Postfix", limit=3.1, ratio=1.0),
    "mailbox": Figure(words="mx to mailbox, 20 users", peer="Dovecot", limit=2.6, ratio=0.8),
    "index": Figure(words="index of one letter, in the background", peer="", limit=2.0),
    "pop3": Figure(words="POP3 login + RETR 500", peer="Dovecot", limit=200.0, ratio=1.2, unit="session"),
}
