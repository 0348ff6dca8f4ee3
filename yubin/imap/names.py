"""Names of mailboxes on the wire: modified UTF-7 (RFC 3501 5.1.3), and UTF-8 for who enabled it (RFC 6855 3, RFC 9051 5.1).

What is modified UTF-7 must be what ``encode`` would write, so that no two spellings mean one mailbox. Names with octets
above 127 come from clients that do not know it: they are UTF-8 whatever was enabled, and "&" stands for itself.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from yubin.imap.flaw import Flaw

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*+)-")
_UNPRINTABLE = re.compile(r"[^ -~]++|&")


def encode(name: str, *, utf8: bool = False) -> bytes:
    """A mailbox' name, not yet quoted, for a client that enabled UTF-8 or did not."""
    if utf8:
        return name.encode("utf-8", "replace")
    return _UNPRINTABLE.sub(lambda found: _shift(found[0]), name).encode("ascii")


def decode(octets: bytes, *, utf8: bool = False) -> str:
    """Raises Flaw (NO [CANNOT]) for what is neither."""
    if not utf8 and octets.isascii():
        return _unshifted(octets)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("UTF-8") from error


def _shift(text: str) -> str:
    if text == "&":
        return "&-"
    packed = b64encode(text.encode("utf-16-be", "surrogatepass")).rstrip(b"=").replace(b"/", b",")
    return f"&{packed.decode('ascii')}-"


def _unshifted(octets: bytes) -> str:
    try:
        name = "".join(_pieces(octets)) if b"&" in octets else octets.decode("ascii")
    except ValueError as error:
        raise _bad("modified UTF-7") from error
    if encode(name) != octets:
        raise _bad("modified UTF-7")
    return name


def _pieces(octets: bytes) -> list[str]:
    pieces: list[str] = []
    at = 0
    for found in _SHIFTED.finditer(octets):
        pieces.append(octets[at : found.start()].decode("ascii"))
        packed = found[1].replace(b",", b"/")
        packed += b"=" * (-len(packed) % 4)
        pieces.append(b64decode(packed, validate=True).decode("utf-16-be") if packed else "&")
        at = found.end()
    pieces.append(octets[at:].decode("ascii"))
    return pieces


def _bad(what: str) -> Flaw:
    return Flaw(f"The name of the mailbox is not valid {what}", code="CANNOT", status="NO")
