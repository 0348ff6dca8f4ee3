"""What a part holds, with its transfer encoding (RFC 2045 6) undone: piece by piece, and never more than asked for.

``pieces`` cuts the encoded body into chunks that can be decoded alone: base64 into groups of four letters, whatever stands
between them; quoted-printable behind a line end, or, where a line is longer than a chunk, behind any octet that is no
part of an escape. ``text`` gives the beginning of a text part as text.
"""

from __future__ import annotations

import contextlib
import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu
from collections.abc import Iterator

from yubin.mail import charset
from yubin.mail.hypertext import plain
from yubin.mail.part import Part

CHUNK = 64 * 1024
_NO_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_PADDED_BREAK = re.compile(rb"=[ \t]++(?=\r?\n)")
_UU_LINE = re.compile(rb"^[!-M][ -`]{4,84}+(?=\r?$)", re.MULTILINE)
_UU = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})


def decoded(raw: bytes, part: Part, limit: int) -> bytes:
    """The first ``limit`` octets of the content of ``part``."""
    if part.size == 0:
        return b""
    found: list[bytes] = []
    left = limit
    for piece in pieces(raw, part, CHUNK if limit > CHUNK else limit * 3 + 256):
        found.append(piece[:left])
        left -= len(found[-1])
        if left <= 0:
            break
    return found[0] if len(found) == 1 else b"".join(found)


def pieces(raw: bytes, part: Part, chunk: int = CHUNK) -> Iterator[bytes]:
    """The content, at most about ``chunk`` octets at a time; an unknown encoding is none."""
    if part.encoding == "base64":
        return _base64(raw, part.body, part.end, chunk)
    if part.encoding == "quoted-printable":
        return _quoted(raw, part.body, part.end, chunk)
    if part.encoding in _UU:
        return _uuencoded(raw, part.body, part.end)
    return (raw[at : min(at + chunk, part.end)] for at in range(part.body, part.end, chunk))


def _base64(raw: bytes, start: int, end: int, chunk: int) -> Iterator[bytes]:
    """RFC 2045 6.8: other octets are passed over; padding ends it."""
    rest = b""
    for at in range(start, end, chunk):
        letters = rest + raw[at : min(at + chunk, end)].translate(None, _NO_BASE64)
        padding = letters.find(b"=")
        last = padding >= 0 or at + chunk >= end
        letters = letters[:padding] if padding >= 0 else letters
        whole = len(letters) & ~3
        rest = letters[whole:]
        if last and len(rest) > 1:
            letters, whole = letters + b"=" * (4 - len(rest)), whole + 4
        if whole:
            yield a2b_base64(letters[:whole])
        if padding >= 0:
            return


def _quoted(raw: bytes, start: int, end: int, chunk: int) -> Iterator[bytes]:
    """RFC 2045 6.7."""
    at = start
    while at < end:
        stop = _safe(raw, at, min(at + chunk, end), end)
        piece = raw[at:stop]
        if b"= " in piece or b"=\t" in piece:
            piece = _PADDED_BREAK.sub(b"=", piece)
        yield a2b_qp(piece)
        at = stop


def _safe(raw: bytes, at: int, stop: int, end: int) -> int:
    """Where a chunk may end."""
    if stop == end:
        return end
    line = raw.rfind(b"\n", at, stop)
    if line >= 0:
        return line + 1
    escape = raw.rfind(b"=", max(stop - 2, at + 1), stop)
    if escape < 0:
        escape = at + len(raw[at:stop].rstrip(b" \t\r")) - 1  # a soft break may have spaces behind it
    return escape if escape > at and raw[escape] == 61 else stop


def _uuencoded(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    """Lines of 4 to 84 letters behind one that counts; others ("begin", "end") hold nothing."""
    for line in _UU_LINE.finditer(raw, start, end):
        with contextlib.suppress(Error):
            yield a2b_uu(line[0])


def text(raw: bytes, part: Part, limit: int) -> str:
    """The text of a text part, from at most ``limit`` octets of its content; "" for other parts. Never raises."""
    if part.type != "text":
        return ""
    octets = decoded(raw, part, limit)
    found = charset.decode(octets, (part.param("charset") or b"").decode("latin-1"))
    return plain(found) if part.subtype == "html" else found
