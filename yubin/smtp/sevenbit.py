"""A MIME letter in seven bits, for a peer without 8BITMIME (RFC 6152 3, RFC 2045 6).

Leaves with eight-bit content become quoted-printable when they are text and base64 when they are not; a multipart or
an enclosed message around them is then labelled 7bit. Parts in ASCII stay as they are, byte for byte. Signatures made
over the old form do not survive, and so a letter is only converted when its alternative is to come back. Where the
result would not be surely right the letter is not touched (None): no MIME-Version, eight bits in a header, in a
preamble or under an encoding that forbids them, a signed or encrypted multipart (RFC 1847 2.1), an unclosed one, or
nesting beyond a bound.
"""

from __future__ import annotations

import base64
import binascii
import re

from yubin.errors import TooBig
from yubin.mail.header import Headers, scan

DEPTH = 20
_TYPE = re.compile(rb"\s*([!#-'*+.0-9A-Z^-~-]+/[!#-'*+.0-9A-Z^-~-]+)", re.IGNORECASE)
_BOUNDARY = re.compile(
    rb';\s*boundary\s*=\s*(?:"([^"\\\r\n]{1,200})"|([^\s";,()<>@:\\]{1,200}))', re.IGNORECASE
)
_ENCODING = "content-transfer-encoding"


class _Inconvertible(Exception):  # noqa: N818
    """See the module's docstring."""


def convert(letter: bytes) -> bytes | None:
    """The letter in ASCII, or None where it cannot be done."""
    if letter.isascii():
        return letter
    try:
        headers = scan(letter)
        if headers.first("mime-version") is None:
            return None
        return _entity(letter, headers, 0, b"text/plain")
    except (_Inconvertible, TooBig):
        return None


def _entity(raw: bytes, headers: Headers, depth: int, default: bytes) -> bytes:
    """A header section and its body: a letter, a part, or an enclosed letter."""
    if raw.isascii():
        return raw
    head, body = raw[: headers.body], raw[headers.body :]
    if not head.isascii() or not headers.closed or depth > DEPTH:
        raise _Inconvertible
    encoding = _encoding(headers)
    kind = _kind(headers, default)
    if encoding not in {b"7bit", b"8bit", b"binary"}:
        raise _Inconvertible
    if kind.startswith(b"multipart/"):
        return _labelled(head, headers, b"7bit") + _parts(body, headers, kind, depth)
    if kind == b"message/rfc822":
        return _labelled(head, headers, b"7bit") + _entity(body, scan(body), depth + 1, b"text/plain")
    if kind.startswith(b"message/"):
        raise _Inconvertible
    if kind.startswith(b"text/") and encoding != b"binary":
        return _labelled(head, headers, b"quoted-printable") + binascii.b2a_qp(body, istext=True)
    return _labelled(head, headers, b"base64") + base64.encodebytes(body).replace(b"\n", b"\r\n")


def _parts(body: bytes, headers: Headers, kind: bytes, depth: int) -> bytes:
    """A multipart's body (RFC 2046 5.1.1): each part anew between the delimiters as they stand."""
    if kind in {b"multipart/signed", b"multipart/encrypted"}:
        raise _Inconvertible
    default = b"message/rfc822" if kind == b"multipart/digest" else b"text/plain"
    content_type = headers.first("content-type")
    boundary = _BOUNDARY.search(content_type.text) if content_type else None
    if boundary is None:
        raise _Inconvertible
    name = re.escape(boundary[1] or boundary[2])
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + name + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    made: list[bytes] = []
    position, open_part = 0, False
    while (found := delimiter.search(body, position)) is not None:
        made.append(_part(body[position : found.start()], default, depth, inside=open_part))
        made.append(found[0])
        position, open_part = found.end(), found[1] is None
        if not open_part:
            break
    if open_part or not made:
        raise _Inconvertible
    return b"".join(made) + _part(body[position:], default, depth, inside=False)


def _part(raw: bytes, default: bytes, depth: int, *, inside: bool) -> bytes:
    if raw.isascii():
        return raw
    if not inside:
        raise _Inconvertible
    return _entity(raw, scan(raw), depth + 1, default)


def _kind(headers: Headers, default: bytes) -> bytes:
    field = headers.first("content-type")
    if field is None:
        return default
    match = _TYPE.match(field.text)
    if match is None:
        raise _Inconvertible
    return match[1].lower()


def _encoding(headers: Headers) -> bytes:
    fields = headers.all(_ENCODING)
    if len(fields) > 1:
        raise _Inconvertible
    return fields[0].text.lower() if fields else b"7bit"


def _labelled(head: bytes, headers: Headers, encoding: bytes) -> bytes:
    """The header section with this Content-Transfer-Encoding, in the old field's place or at the end."""
    field = headers.first(_ENCODING)
    if field is not None:
        return head[: field.start] + b"Content-Transfer-Encoding: " + encoding + b"\r\n" + head[field.end :]
    if encoding == b"7bit":
        return head
    return head[: headers.end] + b"Content-Transfer-Encoding: " + encoding + b"\r\n" + head[headers.end :]
