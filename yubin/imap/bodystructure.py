"""BODY and BODYSTRUCTURE (RFC 3501 7.4.2, RFC 9051 7.5.2) of a MIME tree, as they are sent.

As Dovecot does: text without a charset is said to be in us-ascii (RFC 2045 5.2), and parameters come as the header has
them, continuations joined, the encoded ones named with a ``*``. A letter inside that could not be read (it is encoded)
has an empty envelope and an empty text.
"""

from __future__ import annotations

from functools import lru_cache

from yubin.imap.envelope import render
from yubin.imap.strings import NIL, nstring, string
from yubin.mail.letterhead import of
from yubin.mail.part import Disposition, Parameters, Part

_UNREAD = Part(start=0, body=0, end=0)
_KEPT = 256  # beginnings of parts, of some kilobytes at most


def bodystructure(part: Part, *, extended: bool) -> bytes:
    """``extended``: BODYSTRUCTURE; else BODY."""
    out: list[bytes] = []
    _body(part, out, extended)
    return b"".join(out)


def _body(part: Part, out: list[bytes], extended: bool) -> None:
    out.append(b"(")
    if part.multipart:
        for child in part.children:
            _body(child, out, extended)
        out.append(b" " + _quoted(part.subtype))
        if extended:
            out.append(b" %b %b" % (_params(part.params), _tail(part)))
    else:
        _single(part, out, extended)
    out.append(b")")


def _single(part: Part, out: list[bytes], extended: bool) -> None:
    text = part.type == "text"
    begin = _often if part.id is None and part.description is None and len(part.params) < 3 else _beginning
    beginning = begin(part.type, part.subtype, part.params, part.id, part.description, part.encoding)
    out.append(b"%b %d" % (beginning, part.size))
    if part.message:
        out.append(b" %b " % render(of(part.fields)))
        _body(part.children[0] if part.children else _UNREAD, out, extended)
    if text or part.message:
        out.append(b" %d" % part.lines)
    if extended:
        out.append(b" %b %b" % (nstring(part.md5), _tail(part)))


def _beginning(
    kind: str, subtype: str, params: Parameters, id_: bytes | None, description: bytes | None, encoding: str
) -> bytes:
    """media-basic and body-fields, but for the octets."""
    if kind == "text" and not {"charset", "charset*"}.intersection([name for name, _ in params]):
        params = (*params, ("charset", b"us-ascii"))
    return b"%b %b %b %b %b %b" % (
        _quoted(kind),
        _quoted(subtype),
        _params(params),
        nstring(id_),
        nstring(description),
        _quoted(encoding),
    )


_often = lru_cache(_KEPT)(_beginning)  # most letters are a text in one of a few charsets


def _tail(part: Part) -> bytes:
    """body-fld-dsp, body-fld-lang, body-fld-loc."""
    if part.disposition is None and not part.language and part.location is None:
        return b"NIL NIL NIL"
    if len(part.language) > 1:
        language = b"(%b)" % b" ".join([string(tag) for tag in part.language])
    else:
        language = string(part.language[0]) if part.language else NIL
    return b"%b %b %b" % (_disposition(part.disposition), language, nstring(part.location))


def _disposition(disposition: Disposition | None) -> bytes:
    if disposition is None:
        return NIL
    return b"(%b %b)" % (_quoted(disposition.kind), _params(disposition.params))


def _params(params: Parameters) -> bytes:
    if not params:
        return NIL
    return b"(%b)" % b" ".join([b"%b %b" % (_quoted(name), string(value)) for name, value in params])


def _quoted(token: str) -> bytes:
    return b'"%b"' % token.encode()
