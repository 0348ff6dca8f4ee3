"""The addr-specs of From, Sender and their like (RFC 5322 3.4), in one linear pass.

Quoted strings, nested comments, groups, encoded words and dots in display names, and the obsolete forms that mail
programs still write are understood (4.4). A display name never counts as an address, whatever it decodes to. The text
is cut into tokens first, then read by methods named after the grammar. ``"user"@example.org`` and
``user@example.org`` are one address, and come out in the shorter form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from yubin.errors import Invalid

MAILBOX_LIMIT = 1000

Token = tuple[str, str]  # kind and text

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]++)
      | (?P<comment>\()
      | "(?P<quoted>(?:[^"\\\x00]|\\[^\x00])*+)"
      | (?P<literal>\[[!-Z^-~]*+\])
      | (?P<special>[<>,;:@.])
      | (?P<atom>[^\x00-\x20()<>@,;:\\".\[\]\x7f]++)""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"(?:[^()\\]|\\.)*+([()])", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DOT_ATOM = re.compile(r"[^\x00-\x20()<>@,;:\\\".\[\]\x7f]++(?:\.[^\x00-\x20()<>@,;:\\\".\[\]\x7f]++)*")


def mailboxes(value: bytes | str) -> list[str]:
    """The addr-specs of a mailbox or address list; [] for an empty list or group; raises Invalid for nonsense."""
    text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
    return _AddressList(text).read()


def _nonsense(value: str = "") -> Invalid:
    shown = f" near {value[:40]!r}" if value.isprintable() and value else ""
    return Invalid(f"not a list of addresses{shown}", enhanced="5.6.0")


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        m = _TOKEN.match(text, position)
        if m is None:
            raise _nonsense(text[position:])
        position = m.end()
        kind = m.lastgroup or ""
        if kind == "comment":
            position = _comment_end(text, position)
        elif kind != "space":
            yield kind, m[kind]


def _comment_end(text: str, position: int) -> int:
    depth = 1
    while depth:
        m = _COMMENT.match(text, position)
        if m is None:
            raise _nonsense(text[position:])
        depth += 1 if m[1] == "(" else -1
        position = m.end()
    return position


class _AddressList:
    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), ("end", "")]
        self._next = 0

    def read(self) -> list[str]:
        found: list[str] = []
        grouped = False
        while not self._at("end"):
            if self._accept(","):  # empty elements are obs-addr-list
                continue
            if grouped and self._accept(";"):
                grouped = False
                continue
            words = self._words()
            if words and not grouped and self._accept(":"):
                grouped = True
                continue
            found.append(self._angle_addr() if self._accept("<") else self._bare(words))
            if len(found) > MAILBOX_LIMIT:
                raise Invalid(f"more than {MAILBOX_LIMIT} addresses", enhanced="5.6.0")
            if not (self._at(",") or self._at("end") or (grouped and self._at(";"))):
                raise self._unexpected()
        if grouped:
            raise self._unexpected()
        return found

    def _at(self, wanted: str) -> bool:
        kind, text = self._tokens[self._next]
        return (text if kind == "special" else kind) == wanted

    def _accept(self, wanted: str) -> bool:
        here = self._at(wanted)
        self._next += here
        return here

    def _expect(self, wanted: str) -> None:
        if not self._accept(wanted):
            raise self._unexpected()

    def _unexpected(self) -> Invalid:
        return _nonsense(self._tokens[self._next][1])

    def _words(self) -> list[Token]:
        """Atoms, quoted strings and dots: a phrase or a local part."""
        start = self._next
        while self._at("atom") or self._at("quoted") or self._at("."):
            self._next += 1
        return self._tokens[start : self._next]

    def _angle_addr(self) -> str:
        while self._accept("@"):  # obs-route
            self._domain()
            if not self._accept(","):
                self._expect(":")
        spec = self._addr_spec(self._words())
        self._expect(">")
        return spec

    def _bare(self, words: list[Token]) -> str:
        """``a@b <a@b>``, as some programs write it, is read alike by all; with two addresses it is nonsense."""
        spec = self._addr_spec(words)
        if self._accept("<") and self._angle_addr() != spec:
            raise self._unexpected()
        return spec

    def _addr_spec(self, words: list[Token]) -> str:
        local = self._local_part(words)
        self._expect("@")
        spec = f"{local}@{self._domain()}"
        if not spec.isprintable():  # octets that are not UTF-8 are among these
            raise _nonsense()
        return spec

    def _local_part(self, words: list[Token]) -> str:
        """Dots in wrong places, which some carriers gave out, are read, and come out in quotes (see address.py)."""
        is_dot = [token == ("special", ".") for token in words]
        if all(is_dot) or any(not (a or b) for a, b in pairwise(is_dot)):
            raise self._unexpected()
        local = "".join(_ESCAPE.sub(r"\1", text) if kind == "quoted" else text for kind, text in words)
        if _DOT_ATOM.fullmatch(local):
            return local
        return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def _domain(self) -> str:
        if self._at("literal"):
            self._next += 1
            return self._tokens[self._next - 1][1]
        words = self._words()
        kinds = ["." if token == ("special", ".") else token[0] for token in words]
        if len(words) % 2 == 0 or any(kind != ("." if i % 2 else "atom") for i, kind in enumerate(kinds)):
            raise self._unexpected()
        return "".join(text for _, text in words)
