"""LSUB (RFC 3501 6.3.9)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    reference: str
    pattern: str


def parse(p: Parser) -> Args:
    p.sp()
    reference = p.mailbox()
    p.sp()
    return Args(reference=reference, pattern=p.pattern())
