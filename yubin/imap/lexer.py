"""The tokens of IMAP (RFC 9051 9), read from a whole command: its lines and, where they were announced, its literals.

Each method is named after its rule of the ABNF, takes what it finds at ``at``, and raises Flaw when that is something
else. A flaw says what was expected and at which octet; it never repeats what a client sent. All are linear.
"""

from __future__ import annotations

import re

from yubin.imap.flaw import Flaw

_ATOM = re.compile(rb"[!#$&'+-\[^-z|}~]++")
_ASTRING = re.compile(rb"[!#$&'+-\[\]^-z|}~\x80-\xff]++")  # 8-bit: clients that send UTF-8 unquoted
_LIST_CHARS = re.compile(rb"[!#$%&'*+-\[\]^-z|}~\x80-\xff]++")
_WORD = re.compile(rb"[A-Za-z0-9.=-]++")
_QUOTED = re.compile(rb'"([^"\\\r\n\0]*+(?:\\["\\][^"\\\r\n\0]*+)*+)"')
_ESCAPED = re.compile(rb'\\(["\\])')
_LITERAL = re.compile(rb"\{([0-9]{1,19})\+?\}\r?\n")
_DIGITS = re.compile(rb"[0-9]++")
_MOST64 = 2**63 - 1


class Lexer:
    """``utf8``: the client enabled UTF-8 (RFC 6855, RFC 9051)."""

    def __init__(self, text: bytes, at: int = 0, *, utf8: bool = False) -> None:
        self.text, self.at, self.utf8 = text, at, utf8

    # ── looking ──

    def ended(self) -> bool:
        return self.at >= len(self.text)

    def sees(self, octets: bytes) -> bool:
        return self.text.startswith(octets, self.at)

    def took(self, word: bytes) -> bool:
        """``word`` (in upper case) stands here in any case, and was taken."""
        end = self.at + len(word)
        if self.text[self.at : end].upper() != word:
            return False
        self.at = end
        return True

    def expected(self, what: str) -> Flaw:
        return Flaw(f"{what} is expected at octet {self.at + 1}")

    # ── tokens ──

    def sp(self) -> None:
        self.expect(b" ", "A space")

    def expect(self, octets: bytes, what: str) -> None:
        if not self.took(octets):
            raise self.expected(what)

    def end(self) -> None:
        if not self.ended():
            raise self.expected("The end of the command")

    def word(self, what: str) -> str:
        """A name of the protocol, in upper case."""
        return self.match(_WORD, what).decode("ascii").upper()

    def atom(self, what: str = "An atom") -> str:
        return self.match(_ATOM, what).decode("ascii")

    def astring(self, what: str = "A string") -> bytes:
        return self.string(what) if self.text[self.at : self.at + 1] in b'"{' else self.match(_ASTRING, what)

    def list_mailbox(self) -> bytes:
        """A name with wildcards, not yet decoded."""
        if self.text[self.at : self.at + 1] in b'"{':
            return self.string("A pattern")
        return self.match(_LIST_CHARS, "A pattern")

    def string(self, what: str = "A string") -> bytes:
        if self.sees(b"{"):
            return self.literal()
        found = _QUOTED.match(self.text, self.at)
        if found is None:
            raise self.expected(what)
        self.at = found.end()
        return _ESCAPED.sub(rb"\1", found[1]) if b"\\" in found[1] else found[1]

    def literal(self) -> bytes:
        found = _LITERAL.match(self.text, self.at)
        if found is None:
            raise self.expected("A literal")
        start, self.at = found.end(), found.end() + int(found[1])
        data = self.text[start : self.at]
        if b"\0" in data:
            raise Flaw("A literal has no octet 0")  # RFC 9051 9: CHAR8
        return data

    def nstring(self, what: str = "A string or NIL") -> bytes | None:
        return None if self.took(b"NIL") else self.string(what)

    def number(self, what: str = "A number", least: int = 0, most: int = 2**32 - 1) -> int:
        start = self.at
        digits = self.match(_DIGITS, what)
        value = int(digits[:24])
        if len(digits) > 24 or not least <= value <= most:
            self.at = start
            raise Flaw(f"A number from {least} to {most} is expected at octet {start + 1}")
        return value

    def nz_number(self, what: str = "A number") -> int:
        return self.number(what, 1)

    def number64(self, what: str = "A number") -> int:
        """RFC 9051 4.2: 63 bits. Also mod-sequence-valzer (RFC 7162 7)."""
        return self.number(what, 0, _MOST64)

    def mod_sequence_value(self) -> int:
        """CASES H16: RFC 7162 7."""
        return self.number("A modification sequence", 1, _MOST64)

    def text_of(self, octets: bytes) -> str:
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Flaw("A string is not valid UTF-8") from error

    def match(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self.expected(what)
        self.at = found.end()
        return found[0]
