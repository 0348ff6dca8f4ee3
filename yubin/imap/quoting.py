"""How names and texts of our own are written in answers: as an atom, quoted, or as a literal.

``utf8`` says that the client has asked for UTF-8 (ENABLE UTF8=ACCEPT, RFC 6855 3, or IMAP4rev2, RFC 9051 5.1): a quoted
string may hold it then, and mailbox names are in it. Else they are in modified UTF-7 (RFC 3501 5.1.3) and other text goes
as a literal. A letter's own octets are yubin.imap.strings' business.
"""

from __future__ import annotations

import re

from yubin.imap.names import encode
from yubin.imap.strings import NIL, string

_ATOM = re.compile(
    rb"[!#$&'+-\[^-z|}~]+"
)  # RFC 3501 9 ATOM-CHAR; "]" may stand in an astring and is quoted for ATOM's sake
_BREAKS = re.compile(rb"[\x00\r\n]")
_SPECIAL = re.compile(rb'(["\\])')


def mailbox(name: str, *, utf8: bool) -> bytes:
    """RFC 3501 9 ``mailbox``."""
    return astring(encode(name, utf8=utf8), utf8=utf8)


def astring(value: bytes, *, utf8: bool = False) -> bytes:
    """An atom where that is possible; NIL is quoted, or it would be nothing (RFC 3501 9 nil)."""
    if _ATOM.fullmatch(value) and value.upper() != NIL:
        return value
    return quoted(value, utf8=utf8)


def text(value: str, *, utf8: bool) -> bytes:
    """RFC 3501 9 ``string``."""
    return quoted(value.encode(errors="replace"), utf8=utf8)


def quoted(value: bytes, *, utf8: bool) -> bytes:
    if utf8 and not value.isascii() and not _BREAKS.search(value):
        return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)
    return string(value)
