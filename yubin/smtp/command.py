"""What a client may say (RFC 5321 4.1.1): one line of octets into a verb and its argument, and the arguments of
HELO, EHLO, MAIL, RCPT and BDAT into values. Every refusal is an ``Invalid`` that carries the RFC's reply.

The longest line of each verb is RFC 5321's 512 octets plus what each extension adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from yubin.errors import Invalid
from yubin.mail.address import Address
from yubin.smtp import parameters
from yubin.smtp.path import forward_path, reverse_path

LINE_LIMIT = 512  # RFC 5321 4.5.3.1.4, CRLF included
LINE_LIMITS: Mapping[str, int] = {
    # SIZE 26 (RFC 1870 3), BODY 17 (6152 2), SMTPUTF8 10 (6531 3.1), RET and ENVID 107 (3461 5.4), AUTH 500 (4954 3),
    # REQUIRETLS 12 (8689 2)
    "MAIL": LINE_LIMIT + 26 + 17 + 10 + 107 + 500 + 12,
    "RCPT": LINE_LIMIT + 500 + 28,  # ORCPT and NOTIFY (RFC 3461 5.4)
    "AUTH": 12288,  # RFC 4954 4
}
AUTH_LINE_LIMIT = LINE_LIMITS["AUTH"]

MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "RET", "ENVID", "AUTH"})
RCPT_PARAMETERS = frozenset({"NOTIFY", "ORCPT"})

_VERB = re.compile(rb"[A-Za-z]{4,8}")
_HELO = re.compile(r"[!-~]{1,255}")
_BDAT = re.compile(r"([0-9]{1,20})( +LAST)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """``verb`` in upper case; ``argument`` without the space before it and without white space at its end."""

    verb: str
    argument: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """MAIL; ``reverse_path`` is None for ``<>``."""

    reverse_path: Address | None
    size: int | None = None
    body: str = "7BIT"  # 7BIT | 8BITMIME
    utf8: bool = False
    ret: str | None = None  # FULL | HDRS
    envid: str | None = None
    auth: str | None = None
    requiretls: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rcpt:
    forward_path: Address
    notify: frozenset[str] = frozenset()
    orcpt: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bdat:
    size: int
    last: bool


def _syntax(text: str) -> Invalid:
    return Invalid(text, code=501, enhanced="5.5.2")


def command(line: bytes) -> Command:
    """One line without its CRLF; raises Invalid 500 5.5.2 for what is no command at all."""
    word, _, rest = line.partition(b" ")
    if not _VERB.fullmatch(word):
        raise Invalid("Not a command", code=500, enhanced="5.5.2")
    verb = word.decode("ascii").upper()
    if len(line) + 2 > LINE_LIMITS.get(verb, LINE_LIMIT):
        raise Invalid("Line too long", code=500, enhanced="5.5.2")
    if b"\0" in rest or b"\r" in rest:
        raise _syntax("NUL or bare CR in a command")
    try:
        return Command(verb=verb, argument=rest.decode("utf-8").strip(" \t"))
    except UnicodeDecodeError as error:
        raise _syntax("Not UTF-8") from error


def helo(argument: str) -> str:
    """The name a client gives itself: never believed, so never refused for more than being no word (RFC 5321 4.1.4)."""
    if not _HELO.fullmatch(argument):
        raise _syntax("A host name is wanted")
    return argument


def _plain(text: str, utf8: bool) -> None:
    if not (utf8 or text.isascii()):
        # RFC 6531 3.5
        raise Invalid("An address that needs SMTPUTF8", code=553, enhanced="5.6.7")


def mail(argument: str, offered: frozenset[str] = MAIL_PARAMETERS) -> Mail:
    """RFC 5321 4.1.1.2; ``offered`` names the parameters that this session may use."""
    if argument[:5].upper() != "FROM:":
        raise _syntax("Syntax: MAIL FROM:<address>")
    if not argument.isascii() and "SMTPUTF8" not in argument.upper():
        _plain(argument, False)
    path, end = reverse_path(argument, 5)
    if end == len(argument):
        read = Mail(reverse_path=path)
    else:
        read = Mail(reverse_path=path, **parameters.read(argument[end:], parameters.MAIL, offered))
    _plain(argument, read.utf8)
    return read


def rcpt(argument: str, offered: frozenset[str] = RCPT_PARAMETERS, *, here: str, utf8: bool = False) -> Rcpt:
    """RFC 5321 4.1.1.3; ``utf8`` when MAIL said SMTPUTF8, ``here`` the domain of a bare ``<Postmaster>``."""
    if argument[:3].upper() != "TO:":
        raise _syntax("Syntax: RCPT TO:<address>")
    _plain(argument, utf8)
    path, end = forward_path(argument, 3, here)
    if end == len(argument):
        return Rcpt(forward_path=path)
    return Rcpt(forward_path=path, **parameters.read(argument[end:], parameters.RCPT, offered))


def bdat(argument: str) -> Bdat:
    """RFC 3030 2: a chunk-size, and whether it is the last."""
    found = _BDAT.fullmatch(argument)
    if not found:
        raise _syntax("Syntax: BDAT size [LAST]")
    return Bdat(size=int(found[1]), last=found[2] is not None)
