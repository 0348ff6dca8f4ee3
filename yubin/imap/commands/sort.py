"""SORT (RFC 5256 3, RFC 5957 5), with RETURN (RFC 5267 3)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.commands.keys import Key
from yubin.imap.commands.search import return_options
from yubin.imap.commands.search_keys import charset_name, search_program
from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

_NAMES = frozenset({"ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    name: str
    reverse: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``returns``, ``partial``: as of SEARCH."""

    criteria: tuple[Criterion, ...]
    charset: str
    key: Key
    returns: frozenset[str] = frozenset()
    partial: tuple[int, int] | None = None
    uid: bool = False


def parse(p: Parser) -> Args:
    returns, partial = return_options(p)
    p.sp()
    criteria = p.listed(lambda: _criterion(p), least=1)
    p.sp()
    charset = charset_name(p)
    return Args(
        criteria=criteria,
        charset=charset,
        key=search_program(p, charset),
        returns=returns,
        partial=partial,
        uid=p.uid,
    )


def _criterion(p: Parser) -> Criterion:
    reverse = p.took(b"REVERSE ")
    name = p.word("A sort key")
    if name not in _NAMES:
        raise Flaw("Unknown sort key")
    return Criterion(name=name, reverse=reverse)
