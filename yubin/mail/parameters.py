"""Values with parameters: Content-Type, Content-Disposition (RFC 2045 5.1, 2183), read as they come.

One possessive pattern finds the next ``; name = value``, and steps over what is none. Values may be quoted, may lack a
quote's end, and may have spaces and characters that a token has not (``filename=my file.txt``). Continuations
(RFC 2231 3) are joined in their order up to the first gap, whatever their number and order in the field. The result is
as Dovecot gives it: an encoded value stays encoded, under a name that ends in ``*``. ``text`` reads it for people.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from yubin.mail.header import unfold
from yubin.mail.part import Parameters

LIMIT = 200  # parameters of one field that are kept; their pieces: five times as many
VALUE_LIMIT = 4096  # octets of one value
_TYPE = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z{}-]{1,127}+)[ \t]*+/[ \t]*+([!#$%&'*+.^_`|~0-9A-Za-z{}-]{1,127}+)"
)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z{}-]{1,127}+")
_PARAMETER = re.compile(
    rb"""[;\s]*+ (?:
        ([!#$&+.^_`|~0-9A-Za-z{}-]{1,127}+) (?:\*(\d{1,9}+))? (\*?) \s*+=\s*+
        (?: "((?:[^"\\]++|\\.)*)(?:"|\\?\Z)[^;]*+ | ([^;"]*+) )
      | [^;\s][^;]*+ )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT = re.compile(rb"\((?:[^()\\\"]++|\\.)*\)(?=[\s;]|\Z)", re.DOTALL)


def content_type(value: bytes) -> tuple[str, str, Parameters] | None:
    """Type and subtype in lower case, and the parameters; None for what is no type."""
    return _short_content_type(value) if len(value) < 80 else _content_type(value)


def _content_type(value: bytes) -> tuple[str, str, Parameters] | None:
    plain = _plain(value)
    m = _TYPE.match(plain)
    if m is None:
        return None
    main, sub = m.groups()
    return main.decode().lower(), sub.decode().lower(), parameters(plain, m.end())


_short_content_type = lru_cache(1024)(_content_type)  # most letters say one of a few


def disposition(value: bytes) -> tuple[str, Parameters] | None:
    plain = _plain(value)
    m = _TOKEN.match(plain)
    return None if m is None else (m[0].decode().lower(), parameters(plain, m.end()))


def parameters(value: bytes, position: int = 0) -> Parameters:
    """What stands behind ``position`` in an unfolded value."""
    found: dict[str, bytes] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    left = LIMIT * 5
    while left and (m := _PARAMETER.match(value, position)) is not None:
        position, left = m.end(), left - 1
        key, number, encoded, quoted, bare = m.groups()
        if key is None:
            continue
        text = bare.rstrip() if quoted is None else _ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        name = key.decode().lower()
        if number is not None:
            pieces.setdefault(name, {}).setdefault(int(number), (text, encoded != b""))
        else:
            found.setdefault(f"{name}*" if encoded else name, text[:VALUE_LIMIT])
    for name, numbered in pieces.items():
        _join(found, name, numbered)
    return tuple(found.items())[:LIMIT]


def _join(found: dict[str, bytes], name: str, numbered: dict[int, tuple[bytes, bool]]) -> None:
    """RFC 2231 4.1; when one piece is encoded, the others are so too, that the whole can be read in one way."""
    joined: list[tuple[bytes, bool]] = []
    while len(joined) in numbered:
        joined.append(numbered[len(joined)])
    if not joined:
        return
    encoded = any(star for _, star in joined)
    whole = b"".join(text if star or not encoded else text.replace(b"%", b"%25") for text, star in joined)
    found.setdefault(f"{name}*" if encoded else name, whole[:VALUE_LIMIT])


def _plain(value: bytes) -> bytes:
    """Unfolded, and without comments where it has some outside quotes."""
    return unfold(value) if b"(" in value and b'"' in value.partition(b"(")[0] else uncommented(value)


def uncommented(value: bytes) -> bytes:
    """Unfolded, and without comments (RFC 822 3.4.3), which may stand between any two tokens."""
    plain = unfold(value)
    return _COMMENT.sub(b" ", plain).strip() if b"(" in plain else plain


def extended(value: bytes) -> tuple[bytes, str]:
    """RFC 2231 4: the octets and the character set of ``charset'language'%E3%81%82``."""
    charset, mark, rest = value.partition(b"'")
    _, second, text = rest.partition(b"'")
    if not mark or not second:
        return unquote_to_bytes(value), ""
    return unquote_to_bytes(text), charset.decode("ascii", "replace")
