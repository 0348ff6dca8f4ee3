"""COMPRESS (RFC 4978)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``algorithm`` in upper case."""

    algorithm: str


def parse(p: Parser) -> Args:
    p.sp()
    return Args(algorithm=p.atom("An algorithm").upper())
