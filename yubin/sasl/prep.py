"""SASLprep (RFC 4013): the octets to which every client of SCRAM must come from the same password.

Unicode has grown since: a character that was unassigned in 3.2 is taken as it is, as for a query (RFC 3454 7). What the
profile forbids is no reason to refuse a password that works elsewhere: it stays unprepared, as libraries do.
"""

from __future__ import annotations

import stringprep
import unicodedata

_PROHIBITED = (  # RFC 4013 2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(text: str) -> str:
    """``text`` itself where the profile forbids it."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c)
    )  # RFC 4013 2.1
    plain = unicodedata.normalize("NFKC", mapped)
    return plain if plain and _allowed(plain) else text


def _allowed(text: str) -> bool:
    if any(prohibited(c) for c in text for prohibited in _PROHIBITED):
        return False
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])  # RFC 3454 6
    return ends and not any(map(stringprep.in_table_d2, text))
