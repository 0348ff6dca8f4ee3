"""EXPUNGE (RFC 9051 6.4.3) and UID EXPUNGE (RFC 4315 2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser
from yubin.imap.sets import SequenceSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``set``: of UID EXPUNGE; None: all."""

    set: SequenceSet | None = None


def parse(p: Parser) -> Args:
    if not p.uid:
        return Args()
    p.sp()
    return Args(set=p.sequence_set())
