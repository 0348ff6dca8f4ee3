"""SUBSCRIBE (RFC 9051 6.3.7)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    mailbox: str


def parse(p: Parser) -> Args:
    p.sp()
    return Args(mailbox=p.mailbox())
