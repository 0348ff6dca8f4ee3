"""A whole command: its tag, its verb, and what the verb's own file reads (RFC 9051 2.2.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from yubin.imap.commands.table import UID_VERBS, VERBS
from yubin.imap.events import Request
from yubin.imap.flaw import Flaw
from yubin.imap.limits import TAG
from yubin.imap.parser import Parser

UNTAGGED = b"*"
_TAG = re.compile(rb"[!#$&',-\[\]^-z|}~]{1,%d}+(?= )" % TAG)
_HEAD = re.compile(rb"(%b) (?:([Uu][Ii][Dd]) )?([A-Za-z]{1,16}+)(?= |\Z)" % _TAG.pattern)


class Head(NamedTuple):
    """``end``: where the arguments begin."""

    tag: bytes
    name: str
    uid: bool
    end: int


def tag_of(text: bytes) -> bytes:
    """Of whatever a client sent; ``*`` where there is none."""
    found = _TAG.match(text)
    return found[0] if found else UNTAGGED


def head(text: bytes) -> Head:
    """Raises Flaw for what begins no command that is known."""
    found = _HEAD.match(text)
    if found is None:
        raise Flaw("A tag and a command are expected")
    name, uid = found[3].decode("ascii").upper(), found[2] is not None
    if name not in VERBS or (uid and name not in UID_VERBS):
        raise Flaw("Unknown command")
    return Head(tag=found[1], name=name, uid=uid, end=found.end())


def parse(text: bytes, *, utf8: bool = False) -> Request:
    """``text``: lines and literals of a command without its last CRLF. Raises Flaw."""
    first = head(text)
    p = Parser(text, first.end, uid=first.uid, utf8=utf8)
    args = VERBS[first.name](p)
    p.end()
    return Request(tag=first.tag, name=first.name, uid=first.uid, args=args)
