"""FETCH (RFC 9051 6.4.5), with CHANGEDSINCE and VANISHED (RFC 7162 3.1.4.1, 3.2.6) and PARTIAL (RFC 9394 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.commands.fetch_items import MACROS, fetch_att
from yubin.imap.commands.items import Item
from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser
from yubin.imap.sets import SequenceSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``items``: each once. ``partial``: of the set, from its first or (negative) its last message."""

    set: SequenceSet
    items: tuple[Item, ...]
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None


@dataclass(kw_only=True, slots=True)
class _Modifiers:
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None


def parse(p: Parser) -> Args:
    p.sp()
    numbers = p.sequence_set()
    p.sp()
    items = tuple(dict.fromkeys(_items(p)))
    modifiers = _Modifiers()
    if p.took(b" "):
        p.listed(lambda: _modifier(p, modifiers), least=1)
    if modifiers.vanished and (not p.uid or modifiers.changed_since is None):
        raise Flaw("VANISHED goes with UID FETCH and CHANGEDSINCE")
    if modifiers.partial is not None and not p.uid:
        raise Flaw("PARTIAL goes with UID FETCH")
    return Args(
        set=numbers,
        items=items,
        changed_since=modifiers.changed_since,
        vanished=modifiers.vanished,
        partial=modifiers.partial,
    )


def _items(p: Parser) -> tuple[Item, ...]:
    if p.sees(b"("):
        return p.listed(lambda: fetch_att(p), least=1)
    at = p.at
    macro = MACROS.get(p.word("An item"))
    if macro is not None:
        return macro
    p.at = at
    return (fetch_att(p),)


def _modifier(p: Parser, modifiers: _Modifiers) -> None:
    name = p.word("A modifier")
    if name == "CHANGEDSINCE":
        p.sp()
        modifiers.changed_since = p.mod_sequence_value()
    elif name == "VANISHED":
        modifiers.vanished = True
    elif name == "PARTIAL":
        p.sp()
        modifiers.partial = p.partial_range()
    else:
        raise Flaw("Unknown modifier of FETCH")
