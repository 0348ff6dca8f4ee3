"""GETQUOTA (RFC 9208 4.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    root: str


def parse(p: Parser) -> Args:
    p.sp()
    return Args(root=p.text_of(p.astring("A quota root")))
