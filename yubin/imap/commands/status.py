"""STATUS (RFC 9051 6.3.11), with HIGHESTMODSEQ (RFC 7162 3.1.7), SIZE (RFC 8438), APPENDLIMIT (RFC 7889 4),
MAILBOXID (RFC 8474 4.3) and DELETED-STORAGE (RFC 9208 4.1.4).
"""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

ITEMS = frozenset(
    {"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "APPENDLIMIT", "MAILBOXID",
     "DELETED-STORAGE"}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``items``: of ``ITEMS``, each once, in the client's order."""

    mailbox: str
    items: tuple[str, ...]


def parse(p: Parser) -> Args:
    p.sp()
    mailbox = p.mailbox()
    p.sp()
    return Args(mailbox=mailbox, items=status_items(p))


def status_items(p: Parser) -> tuple[str, ...]:
    """In parentheses; also of LIST … RETURN (STATUS …)."""
    return tuple(dict.fromkeys(p.listed(lambda: _item(p), least=1)))


def _item(p: Parser) -> str:
    name = p.word("An item")
    if name not in ITEMS:
        raise Flaw("Unknown item of STATUS")
    return name
