"""RENAME (RFC 9051 6.3.6)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    source: str
    target: str


def parse(p: Parser) -> Args:
    p.sp()
    source = p.mailbox()
    p.sp()
    return Args(source=source, target=p.mailbox())
