"""Addresses: the addr-spec of RFC 5321 4.1.2 and RFC 6531 3.3, and one canonical form for every domain name.

A domain is kept as lower-case A-labels without the trailing dot (IDNA 2008 after the mapping of UTS 46); an address
literal as ``ipaddress`` writes it. A local part is kept as the text that it *means*: quotes and backslashes are a way
of writing (RFC 5321 4.1.2: "the quoted form is equivalent") and are put back by ``str``. Dots that the RFC forbids
("a..b", "a.", as some Japanese carriers once gave out) are read and are written in quotes, which is the RFC's own
spelling of the same mailbox. Everything here is linear in its input, and what is too long is refused unread.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import idna

from yubin.errors import Invalid

DOMAIN_LIMIT = 253  # octets, RFC 1035 2.3.4 without the root
LABEL_LIMIT = 63
ADDRESS_LIMIT = 254  # octets, RFC 5321 4.5.3.1.3: a path of 256 less its two brackets

_UTF8 = "\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010fffd"  # UTF8-non-ascii less controls and separators
_ATEXT = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_UTF8}-]"
_LDH = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_LOCAL_PART = re.compile(
    rf"""(?P<plain>(?:{_ATEXT}|\.)+)
     | "(?P<quoted>(?:[ !\#-\[\]-~{_UTF8}]|\\[ -~])*)" """,
    re.VERBOSE,
)


def _bad_domain(why: str) -> Invalid:
    return Invalid(f"Bad domain name: {why}", code=553, enhanced="5.1.2")


def _literal(text: str) -> str:
    """address-literal, RFC 5321 4.1.3."""
    inside = (
        text[1:-1] if text[-1] == "]" and "%" not in text else ""
    )  # no zone: it has no meaning for others
    try:
        if inside[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inside[5:])}]"
        return f"[{ipaddress.IPv4Address(inside)}]"
    except ValueError as error:
        raise _bad_domain("not an address literal") from error


def _international(text: str) -> str:
    """U-labels, and A-labels that somebody claims to have made: must survive the way there and back."""
    try:
        ascii_form = idna.encode(text, uts46=True, std3_rules=True).decode().lower()
        again = idna.encode(idna.decode(ascii_form), uts46=False).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise _bad_domain("not a valid internationalized name") from error
    if again != ascii_form:
        raise _bad_domain("not a valid internationalized name")
    return ascii_form


@lru_cache(maxsize=4096)
def canonical_domain(text: str) -> str:
    """Lower-case A-labels without a trailing dot, or an address literal; raises Invalid (553 5.1.2)."""
    if len(text) > 2 * DOMAIN_LIMIT:
        raise _bad_domain("longer than 253 octets")
    if text[:1] == "[":
        return _literal(text)
    name = text.lower().removesuffix(".")
    if not name.isascii() or "xn--" in name:
        name = _international(name)
    if len(name) > DOMAIN_LIMIT:
        raise _bad_domain("longer than 253 octets")
    if not _LDH.fullmatch(name):
        raise _bad_domain("a label is empty, too long or holds a bad character" if name else "empty")
    if name.rpartition(".")[2].isdigit():  # an address that forgot its brackets (RFC 3696 2)
        raise _bad_domain("the last label is a number")
    return name


def unquote(quoted: str) -> str:
    """The text between the quotes of a Quoted-string, without its backslashes."""
    return re.sub(r"\\(.)", r"\1", quoted) if "\\" in quoted else quoted


def quote(local: str) -> str:
    """A local part as it is written: bare where the grammar allows it, else a Quoted-string."""
    if _DOT_STRING.fullmatch(local):
        return local
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """``local`` without quotes, ``domain`` canonical."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``local-part@domain``; raises Invalid: 553 5.1.3, or 5.1.2 when it is the domain that is bad."""
        found = _LOCAL_PART.match(text) if len(text) <= 4 * ADDRESS_LIMIT else None
        if not found or text[found.end() : found.end() + 1] != "@":
            raise Invalid("Bad address syntax", code=553, enhanced="5.1.3")
        plain, quoted = found.group("plain", "quoted")
        domain = canonical_domain(text[found.end() + 1 :])
        if len(text[: found.end()].encode()) + 1 + len(domain) > ADDRESS_LIMIT:
            raise Invalid("Address longer than 254 octets", code=553, enhanced="5.1.3")
        return cls(local=plain if plain is not None else unquote(quoted), domain=domain)

    @property
    def utf8(self) -> bool:
        """True when it can only be written under SMTPUTF8 (RFC 6531); domains never need it."""
        return not self.local.isascii()

    @property
    def canonical(self) -> str:
        """What look-ups in our directory use: the local part normalized (NFC) and lower-cased."""
        local = (
            self.local.lower() if self.local.isascii() else unicodedata.normalize("NFC", self.local).lower()
        )
        return f"{quote(local)}@{self.domain}"

    def __str__(self) -> str:
        return f"{quote(self.local)}@{self.domain}"


def canonical(address: str) -> str:
    """The canonical form of an addr-spec, for look-ups; raises Invalid."""
    return Address.parse(address).canonical
