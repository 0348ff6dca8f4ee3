"""SEARCH (RFC 9051 6.4.4), with RETURN (RFC 4731), SAVE (RFC 5182) and PARTIAL (RFC 9394 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.commands.keys import Key
from yubin.imap.commands.search_keys import charset_name, search_program
from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

_OPTIONS = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``charset`` as the client wrote it, "" for none. ``returns``: empty without RETURN; ``RETURN ()`` is ALL."""

    key: Key
    charset: str = ""
    returns: frozenset[str] = frozenset()
    partial: tuple[int, int] | None = None
    uid: bool = False


def parse(p: Parser) -> Args:
    returns, partial = return_options(p)
    charset = ""
    if p.took(b" CHARSET "):
        charset = charset_name(p)
    key = search_program(p, charset or "utf-8")
    return Args(key=key, charset=charset, returns=returns, partial=partial, uid=p.uid)


def return_options(p: Parser) -> tuple[frozenset[str], tuple[int, int] | None]:
    """Also of SORT (RFC 5267 3)."""
    if not p.took(b" RETURN "):
        return frozenset(), None
    options = dict(p.listed(lambda: _option(p)))
    if "PARTIAL" in options and "ALL" in options:
        raise Flaw("PARTIAL and ALL do not go together")  # RFC 9394 3.1
    return frozenset(options) or frozenset({"ALL"}), options.get("PARTIAL")


def _option(p: Parser) -> tuple[str, tuple[int, int] | None]:
    name = p.word("A return option")
    if name not in _OPTIONS:
        raise Flaw("Unknown return option")
    if name != "PARTIAL":
        return name, None
    p.sp()
    return name, p.partial_range()
