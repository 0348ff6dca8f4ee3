"""How SORT and THREAD compare text: i;unicode-casemap (RFC 5051 2), as RFC 5256 2.1 wants it, over bounded strings."""

from __future__ import annotations

import unicodedata

LIMIT = 1000  # characters; to put a long run of combining marks in order costs quadratic time


def collate(text: str) -> str:
    """Equal for what compares equal, and in the order of the RFC: title case, then decomposed (NFKD)."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(map(str.title, text[:LIMIT])))
