"""Encoded words (RFC 2047): text beyond ASCII in header fields, written, and read for display.

``unstructured`` and ``phrase`` leave plain ASCII as it is, and cut other text into B-encoded UTF-8 words of at most 75
characters, at character boundaries (5, 6.3). ``decode`` and ``display`` are for people's eyes: the first leaves standing what
it cannot read; the second is for mail that has come in, and reads it as its writer must have meant it: raw 8-bit text
is guessed, characters that were cut in two between words are whole again, NULs and other controls are spaces.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator

from yubin.mail import charset
from yubin.mail.header import unfold

_CHUNK = 39  # bytes: 52 characters of base64 and 12 of frame, behind "Subject: " still below 76 (2)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]{0,40})?\?([bBqQ])\?([!->@-~]*)\?=")
_CHARSET = re.compile(  # the text encodings of mail; Python knows others whose cost is not linear
    r"(?i:utf-8|us-ascii|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|gbk?|gb2312|gb18030|big5|euc-(?:jp|kr)|shift_jis|iso-2022-(?:jp|kr))"
)
_BETWEEN = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")
_FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_RAW_WORD = re.compile(
    rb"=\?([!-)+->@-~]{1,60}+)(?:\*[!->@-~]{0,60}+)?\?([bBqQ])\?([^?]*+)\?=([ \t\r\n]*+(?==\?))?"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NO_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


def forbidden(text: str) -> bool:
    """True for what no header field may hold: control characters but the tab, line separators, lone surrogates."""
    return _FORBIDDEN.search(text) is not None


def unstructured(name: str, text: str) -> bytes:
    """A whole field such as Subject, folded, with its line end. The caller has asked ``forbidden``."""
    if text.isascii() and "=?" not in text and not re.search(r"\S{900}", text):
        return _folded(name, text.split(" "))
    return _folded(name, _words(text))


def phrase(text: str) -> str:
    """A display name: atoms, a quoted string, or encoded words."""
    if not text.isascii() or "=?" in text:
        return " ".join(_words(text))
    if _ATOMS.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def addresses(name: str, mailboxes: list[str]) -> bytes:
    """A field of mailboxes, one line for each that does not fit."""
    parts = [f"{mailbox}," for mailbox in mailboxes[:-1]] + mailboxes[-1:]
    return _folded(name, parts)


def decode(value: str) -> str:
    """The text that people should see; unknown character sets and broken words stay as they are."""
    return _WORD.sub(_decoded, _BETWEEN.sub(r"\1", value))


def display(value: bytes) -> str:
    """The text of a field's value as people should see it, on one line. Never raises."""
    value = unfold(value)
    if b"=?" in value:
        text = "".join(_shown(value))
    else:
        text = value.decode("ascii") if value.isascii() and b"\x1b" not in value else charset.guess(value)
    return text if text.isprintable() else _CONTROL.sub(" ", text)


def _shown(value: bytes) -> Iterator[str]:
    """RFC 2047 6.2: white space between two words is none; words of one character set are read together."""
    last, octets, name = 0, b"", ""
    for m in _RAW_WORD.finditer(value):
        between = value[last : m.start()]
        word, last = m[1].decode("ascii"), m.end()
        if octets and (between or word != name):
            yield charset.decode(octets, name)
            octets = b""
        if between:
            yield charset.guess(between)
        octets, name = octets + _octets(m[2], m[3]), word
    if octets:
        yield charset.decode(octets, name)
    yield charset.guess(value[last:])


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"qQ":
        return a2b_qp(text, header=True)
    letters = text.translate(None, _NO_BASE64)
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return a2b_base64(letters + b"=" * (-len(letters) % 4))


def _words(text: str) -> Iterator[str]:
    chunk = b""
    for character in text:
        octets = character.encode()
        if len(chunk) + len(octets) > _CHUNK:
            yield f"=?utf-8?B?{b64encode(chunk).decode()}?="
            chunk = b""
        chunk += octets
    yield f"=?utf-8?B?{b64encode(chunk).decode()}?="


def _folded(name: str, parts: Iterator[str] | list[str]) -> bytes:
    """RFC 5322 2.2.3; a line that is white space alone is never made."""
    lines, line = [], f"{name}:"
    for part in parts:
        if len(line) + 1 + len(part) > 76 and line.strip() and line != f"{name}:" and part.strip():
            lines.append(line)
            line = ""
        line += f" {part}"
    return "\r\n".join((*lines, line)).encode() + b"\r\n"


def _decoded(m: re.Match[str]) -> str:
    charset, encoding, text = m[1], m[2], m[3]
    if not _CHARSET.fullmatch(charset):
        return m[0]
    try:
        if encoding in "bB":
            octets = b64decode(text + "=" * (-len(text) % 4))
        else:
            plain = re.sub(r"=([0-9A-Fa-f]{2})", lambda h: chr(int(h[1], 16)), text.replace("_", " "))
            octets = plain.encode("latin-1")
        return octets.decode(charset)
    except (Error, LookupError, ValueError):
        return m[0]
