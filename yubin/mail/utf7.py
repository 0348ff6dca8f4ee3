"""Modified UTF-7 (RFC 3501 5.1.3): names of mailboxes in 7 bits, as IMAP4rev1 and Maildir++ write them.

Printable ASCII stands for itself, "&" is "&-", everything else is UTF-16 in base64 without padding, "," for "/", between
"&" and "-". ``decode`` also takes printable ASCII in base64, which a careful writer has no other way to hide.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_OTHER = re.compile(r"[^ -~]+|&")


def encode(text: str) -> str:
    """Raises UnicodeEncodeError for a lone surrogate."""
    return _OTHER.sub(lambda m: shifted(m[0]) if m[0] != "&" else "&-", text)


def shifted(text: str) -> str:
    """In base64, whatever it is."""
    octets = b2a_base64(text.encode("utf-16-be"), newline=False)
    return "&" + octets.decode("ascii").rstrip("=").replace("/", ",") + "-"


def decode(text: str) -> str:
    """Raises ValueError for what nobody can have meant."""
    if "&" in _SHIFTED.sub("", text):
        raise ValueError("an & stands for nothing")
    return _SHIFTED.sub(lambda m: _unshifted(m[1]), text)


def _unshifted(letters: str) -> str:
    if not letters:
        return "&"
    padding = "=" * (-len(letters) % 4)
    try:
        return a2b_base64(letters.replace(",", "/") + padding).decode("utf-16-be")
    except (Error, UnicodeDecodeError) as cause:
        raise ValueError("this is no UTF-16 in base64") from cause
