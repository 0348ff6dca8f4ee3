"""AUTHENTICATE (RFC 9051 6.2.2), with an initial response (RFC 4959)."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass, field

from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser

_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``mechanism`` in upper case. ``initial``: decoded, empty for "="; None: the client waits for a challenge."""

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


def parse(p: Parser) -> Args:
    p.sp()
    mechanism = p.atom("A mechanism").upper()
    if p.ended():
        return Args(mechanism=mechanism)
    p.sp()
    return Args(mechanism=mechanism, initial=_initial(p))


def _initial(p: Parser) -> bytes:
    if p.text[p.at :] == b"=":
        p.at += 1
        return b""
    found = _BASE64.fullmatch(p.text, p.at)
    if found is None or not found[0] or len(found[0]) % 4:
        raise Flaw("The initial response is not base64")
    p.at = found.end()
    return b64decode(found[0])
