"""The base subject (RFC 5256 2.1): what SORT and THREAD compare, without Re:, Fwd:, [lists] and (fwd).

The steps of the RFC, each over a position in the text and not over a copy of it. Leading blobs are taken off together: where
no ``re:`` follows a row of them, none follows a part of that row either.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LIMIT = 1000  # characters that are looked at

_BLOB = r"(?:\[[^\[\]]*+\]\s*+)"
_LEADER = re.compile(rf"\s*+{_BLOB}*(?:re|fwd?)\s*+{_BLOB}?:", re.IGNORECASE)
_BLOBS = re.compile(rf"\s*+({_BLOB}*)")
_LAST_BLOB = re.compile(r"\[[^\[\]]*+\]\s*+\Z")
_FORWARDED = re.compile(r"\[fwd:(.*)\]", re.IGNORECASE | re.DOTALL)


class Base(NamedTuple):
    """``reply``: it was a reply or was forwarded."""

    text: str
    reply: bool


def base(subject: str) -> Base:
    """Of a decoded subject; case is kept."""
    text, reply = " ".join(subject[:LIMIT].split()), False
    while True:
        text, trimmed = _without_trailers(text)
        text, led = _without_leaders(text)
        reply = reply or trimmed or led
        m = _FORWARDED.fullmatch(text)
        if m is None:
            return Base(text, reply)
        text, reply = m[1], True


def _without_trailers(text: str) -> tuple[str, bool]:
    """Step 2, read backwards."""
    end = len(text)
    while True:
        end = len(text[:end].rstrip())
        if text[max(end - 5, 0) : end].lower() != "(fwd)":
            return text[:end], end < len(text.rstrip())
        end -= 5


def _without_leaders(text: str) -> tuple[str, bool]:
    """Steps 3 to 5."""
    position, reply = 0, False
    while (m := _LEADER.match(text, position)) is not None:
        position, reply = m.end(), True
    blobs = _BLOBS.match(text, position)
    rest = text[blobs.end() :] if blobs else text[position:]
    if rest.strip() or blobs is None:
        return rest.strip(), reply
    last = _LAST_BLOB.search(text, position)  # step 4: a blob that is all there is stays
    return text[last.start() if last else position :].strip(), reply
