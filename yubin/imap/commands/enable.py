"""ENABLE (RFC 9051 6.3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.limits import ITEMS
from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """In upper case; those that nobody knows are no error."""

    capabilities: tuple[str, ...]


def parse(p: Parser) -> Args:
    names: list[str] = []
    while not names or not p.ended():
        p.sp()
        if len(names) == ITEMS:
            raise Flaw(f"A list has at most {ITEMS} items", code="LIMIT")
        names.append(p.atom("A capability").upper())
    return Args(capabilities=tuple(names))
