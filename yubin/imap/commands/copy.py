"""COPY (RFC 9051 6.4.7)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser
from yubin.imap.sets import SequenceSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    set: SequenceSet
    mailbox: str


def parse(p: Parser) -> Args:
    p.sp()
    numbers = p.sequence_set()
    p.sp()
    return Args(set=numbers, mailbox=p.mailbox())
