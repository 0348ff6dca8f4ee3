"""Parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (6152), SMTPUTF8 (6531), RET, ENVID, NOTIFY, ORCPT (3461),
AUTH (4954), REQUIRETLS (8689).

    esmtp-param = esmtp-keyword ["=" esmtp-value]

Refused: a parameter of an extension that was not offered (555 5.5.4), one that is given twice, and a value that its
RFC does not allow (501 5.5.4). One function for each parameter, named after it, in two tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from yubin.errors import Invalid
from yubin.mail.address import Address
from yubin.smtp import xtext

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE = re.compile(r"[!-<>-~\u00a0-\ud7ff\ue000-\U0010ffff]+")
ENVID_LIMIT = 100  # RFC 3461 4.4, before encoding
NOTIFY = frozenset({"NEVER", "SUCCESS", "FAILURE", "DELAY"})

Value = str | None


def esmtp_params(text: str) -> dict[str, Value]:
    """Keywords in upper case, with their values as written."""
    params: dict[str, Value] = {}
    for word in text.split(" "):
        if not word:
            continue
        keyword, equals, value = word.partition("=")
        name = keyword.upper()
        if not _KEYWORD.fullmatch(keyword) or (equals and not _VALUE.fullmatch(value)):
            raise Invalid("Bad parameter syntax")
        if name in params:
            raise Invalid(f"{name} is given twice")
        params[name] = value if equals else None
    return params


def _flag(name: str) -> Callable[[Value], bool]:
    def flag(value: Value) -> bool:
        if value is not None:
            raise Invalid(f"{name} takes no value")
        return True

    return flag


def size(value: Value) -> int:
    """RFC 1870 4: 1*20DIGIT."""
    if not value or len(value) > 20 or not (value.isascii() and value.isdigit()):
        raise Invalid("Bad SIZE")
    return int(value)


def body(value: Value) -> str:
    """RFC 6152. BINARYMIME (RFC 3030) is not offered."""
    name = (value or "").upper()
    if name == "BINARYMIME":
        raise Invalid("BINARYMIME is not supported", code=555)
    if name not in {"7BIT", "8BITMIME"}:
        raise Invalid("BODY is 7BIT or 8BITMIME")
    return name


def ret(value: Value) -> str:
    name = (value or "").upper()
    if name not in {"FULL", "HDRS"}:
        raise Invalid("RET is FULL or HDRS")
    return name


def envid(value: Value) -> str:
    """RFC 3461 4.4: printable US-ASCII once decoded."""
    text = xtext.printable(xtext.decode(value or ""))
    if not text or len(text) > ENVID_LIMIT or not text.isascii():
        raise Invalid("Bad ENVID")
    return text


def auth(value: Value) -> str:
    """RFC 4954 5: the mailbox that submitted the letter to the client, or "<>"; nobody is believed, all are parsed."""
    text = xtext.decode(value or "")
    return text if text == "<>" else str(Address.parse(text))


def notify(value: Value) -> frozenset[str]:
    """RFC 3461 4.1: NEVER stands alone."""
    words = frozenset((value or "").upper().split(","))
    if not words <= NOTIFY or ("NEVER" in words and len(words) > 1):
        raise Invalid("NOTIFY is NEVER, or some of SUCCESS, FAILURE, DELAY")
    return words


def orcpt(value: Value) -> str:
    return xtext.original_recipient(value or "")


Reader = Callable[[Value], Any]

MAIL: Mapping[str, tuple[str, Reader]] = {
    "SIZE": ("size", size),
    "BODY": ("body", body),
    "SMTPUTF8": ("utf8", _flag("SMTPUTF8")),
    "RET": ("ret", ret),
    "ENVID": ("envid", envid),
    "AUTH": ("auth", auth),
    "REQUIRETLS": ("requiretls", _flag("REQUIRETLS")),
}
RCPT: Mapping[str, tuple[str, Reader]] = {
    "NOTIFY": ("notify", notify),
    "ORCPT": ("orcpt", orcpt),
}


def read(text: str, table: Mapping[str, tuple[str, Reader]], offered: frozenset[str]) -> dict[str, Any]:
    """Field name → value for each parameter in ``text``; ``offered`` names those that the session may use."""
    values: dict[str, Any] = {}
    for name, value in esmtp_params(text).items():
        if name not in table or name not in offered:
            # RFC 5321 4.1.1.11: "555 MAIL FROM/RCPT TO parameters not recognized or not implemented"
            raise Invalid("Parameter not recognized or not offered", code=555)
        field, reader = table[name]
        values[field] = reader(value)
    return values
