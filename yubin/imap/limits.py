"""How much of a stranger's input is held (CASES H1, H2, H4, H6). Octets, where nothing else is said.

Before login everything of one command together is small, save the one line that carries a token of OAuth: AUTHENTICATE with
its initial response, or what answers its challenge, which is at most ``sasl``. So a stranger holds 64 KiB here at most,
and ten thousand of them 640 MiB, if all send such a line and never end it: before the login time is over (the gateway's).
"""

from __future__ import annotations

from dataclasses import dataclass

TAG = 128
NONSYNC = 4096  # of a non-synchronizing literal, before login (RFC 7888 5: LITERAL-)
TERMS = 1000  # keys of a search
DEPTH = 50  # of parentheses and NOTs in a search
PATH = 100  # levels of a part's number
ITEMS = 200  # in a list of items, fields, flags, mailboxes or patterns
RANGES = 20_000  # in one set


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``append``: of a letter. ``swallow``: what is read and thrown away behind a mistake before the connection ends."""

    line: int = 64 * 1024  # all lines of a command together, without their literals
    literal: int = 64 * 1024  # all literals of a command together, without letters
    before_login: int = 8 * 1024  # lines and literals of a command together
    sasl: int = 64 * 1024  # a line of AUTHENTICATE before login (RFC 9051 6.2.2)
    literals: int = 1000  # in a command
    mistakes: int = 200  # in a row, before the connection ends
    append: int = 50 * 1024 * 1024
    swallow: int = 1024 * 1024
