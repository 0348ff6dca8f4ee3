"""SETQUOTA (RFC 9208 4.1.2)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``limits``: a resource in upper case, and its limit."""

    root: str
    limits: tuple[tuple[str, int], ...]


def parse(p: Parser) -> Args:
    p.sp()
    root = p.text_of(p.astring("A quota root"))
    p.sp()
    return Args(root=root, limits=p.listed(lambda: _limit(p)))


def _limit(p: Parser) -> tuple[str, int]:
    resource = p.atom("A resource").upper()
    p.sp()
    return resource, p.number64()
