"""THREAD (RFC 5256 3)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.commands.keys import Key
from yubin.imap.commands.search_keys import charset_name, search_program
from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``algorithm``: ORDEREDSUBJECT or REFERENCES."""

    algorithm: str
    charset: str
    key: Key
    uid: bool = False


def parse(p: Parser) -> Args:
    p.sp()
    algorithm = p.atom("An algorithm").upper()
    if algorithm not in {"ORDEREDSUBJECT", "REFERENCES"}:
        raise Flaw("This algorithm is not offered")
    p.sp()
    charset = charset_name(p)
    return Args(algorithm=algorithm, charset=charset, key=search_program(p, charset), uid=p.uid)
