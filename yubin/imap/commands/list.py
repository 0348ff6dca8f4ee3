"""LIST (RFC 9051 6.3.9), extended (RFC 5258), with STATUS (RFC 5819) and special use (RFC 6154 2)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.commands.status import status_items
from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

SELECTIONS = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
RETURNS = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``patterns`` with ``*`` and ``%``. ``extended``: the client knows RFC 5258. ``status``: items to be told."""

    reference: str
    patterns: tuple[str, ...]
    extended: bool = False
    selection: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()


def parse(p: Parser) -> Args:
    p.sp()
    selection: frozenset[str] = frozenset()
    extended = p.sees(b"(")
    if extended:
        selection = _selection(p)
        p.sp()
    reference = p.mailbox()
    p.sp()
    several = p.sees(b"(")
    patterns = p.listed(p.pattern, least=1) if several else (p.pattern(),)
    returning = p.took(b" RETURN ")
    returns = dict(p.listed(lambda: _return(p))) if returning else {}
    return Args(
        reference=reference,
        patterns=patterns,
        extended=extended or several or returning,
        selection=selection,
        returns=frozenset(returns),
        status=returns.get("STATUS", ()),
    )


def _selection(p: Parser) -> frozenset[str]:
    options = frozenset(p.listed(lambda: p.word("A selection option")))
    if options - SELECTIONS:
        raise Flaw("Unknown selection option of LIST")
    if "RECURSIVEMATCH" in options and not options & {"SUBSCRIBED", "SPECIAL-USE"}:
        raise Flaw("RECURSIVEMATCH goes with another option")  # RFC 5258 3.1
    return options


def _return(p: Parser) -> tuple[str, tuple[str, ...]]:
    option = p.word("A return option")
    if option not in RETURNS:
        raise Flaw("Unknown return option of LIST")
    if option != "STATUS":
        return option, ()
    p.sp()
    return option, status_items(p)
