"""Encoded words (RFC 2047): text beyond ASCII in header fields, written, and read for display.

``unstructured`` and ``phrase`` leave plain ASCII as it is, and cut other text into B-encoded UTF-8 words of at most 75
characters, at character boundaries (5, 6.3). ``decode`` is for people's eyes: what it cannot read it leaves standing.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator

_CHUNK = 39  # bytes: 52 characters of base64 and 12 of frame, behind "Subject: " still below 76 (2)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_WORD = re.compile(r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]{0,40})?\?([bBqQ])\?([!->@-~]*)\?=")
_CHARSET = re.compile(  # the text encodings of mail; Python knows others whose cost is not linear
    r"(?i:utf-8|us-ascii|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|gbk?|gb2312|gb18030|big5|euc-(?:jp|kr)|shift_jis|iso-2022-(?:jp|kr))"
)
_BETWEEN = re.compile(r"(\?=)[ \t\r\n]+(?==\?)")
_FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


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
