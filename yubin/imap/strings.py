"""Strings of IMAP answers (RFC 3501 4.3, RFC 9051 4.3): quoted where that is possible, else a literal.

A quoted string holds printable 7-bit text; everything else goes as ``{n}``. Neither may hold NUL (RFC 3501 9 CHAR8), which
is shown as U+FFFD.
"""

from __future__ import annotations

import re

NIL = b"NIL"
_PLAIN = re.compile(rb"[\t !#-\[\]-~]*+")
_QUOTABLE = re.compile(rb"[\t -~]*+")
_SPECIAL = re.compile(rb'(["\\])')
_REPLACEMENT = "\ufffd".encode()


def string(value: bytes) -> bytes:
    if _PLAIN.fullmatch(value):
        return b'"%b"' % value
    if _QUOTABLE.fullmatch(value):
        return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)
    value = value.replace(b"\0", _REPLACEMENT)
    return b"{%d}\r\n%b" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    return NIL if value is None else string(value)
