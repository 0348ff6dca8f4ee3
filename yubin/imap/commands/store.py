"""STORE (RFC 9051 6.4.6), with UNCHANGEDSINCE (RFC 7162 3.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.limits import ITEMS
from yubin.imap.parser import Parser
from yubin.imap.sets import SequenceSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``how``: "+", "-", or "" to replace. ``flags`` as the client wrote them."""

    set: SequenceSet
    how: str
    flags: tuple[str, ...]
    silent: bool = False
    unchanged_since: int | None = None


def parse(p: Parser) -> Args:
    p.sp()
    numbers = p.sequence_set()
    unchanged_since = None
    if p.took(b" ("):
        p.expect(b"UNCHANGEDSINCE ", "UNCHANGEDSINCE")
        unchanged_since = p.number64("A modification sequence")
        p.expect(b")", "A parenthesis")
    p.sp()
    how = "+" if p.took(b"+") else "-" if p.took(b"-") else ""
    p.expect(b"FLAGS", "FLAGS")
    silent = p.took(b".SILENT")
    p.sp()
    return Args(
        set=numbers,
        how=how,
        flags=p.flag_list() if p.sees(b"(") else _bare(p),
        silent=silent,
        unchanged_since=unchanged_since,
    )


def _bare(p: Parser) -> tuple[str, ...]:
    """store-att-flags: flags without parentheses."""
    flags = [p.flag()]
    while p.took(b" "):
        if len(flags) == ITEMS:
            raise Flaw(f"A list has at most {ITEMS} items", code="LIMIT")
        flags.append(p.flag())
    return tuple(flags)
