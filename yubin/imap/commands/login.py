"""LOGIN (RFC 9051 6.2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    user: str
    password: str = field(repr=False)


def parse(p: Parser) -> Args:
    p.sp()
    user = p.text_of(p.astring("A user's name"))
    p.sp()
    return Args(user=user, password=p.text_of(p.astring("A password")))
