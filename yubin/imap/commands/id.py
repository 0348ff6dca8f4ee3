"""ID (RFC 2971)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

PAIRS = 30  # RFC 2971 3.3
FIELD, VALUE = 30, 1024  # octets


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``pairs``: a field's name in lower case, and its value."""

    pairs: tuple[tuple[str, str | None], ...] = ()


def parse(p: Parser) -> Args:
    p.sp()
    return Args() if p.took(b"NIL") else Args(pairs=p.listed(lambda: _pair(p), most=PAIRS))


def _pair(p: Parser) -> tuple[str, str | None]:
    field = p.string("A field")
    p.sp()
    value = p.nstring()
    if len(field) > FIELD or len(value or b"") > VALUE:
        raise Flaw(f"A field has at most {FIELD} octets, a value {VALUE}", code="LIMIT")
    return p.text_of(field).lower(), None if value is None else p.text_of(value)
