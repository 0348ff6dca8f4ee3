r"""xtext (RFC 3461 4) and the addresses of ORCPT (RFC 3461 4.2, RFC 6533 3).

xtext writes any octet in the printable ASCII of an esmtp-value: "+" and two upper-case hex digits. RFC 6533 gives
addresses in UTF-8 the type ``utf-8`` and an escape of their own, ``\\x{hex}``.
"""

from __future__ import annotations

import re

from yubin.errors import Invalid

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_NOT_XCHAR = re.compile(rb"[^!-*,-<>-~]")
_EMBEDDED = re.compile(r"\\x\{(10[0-9A-F]{4}|[1-9A-F][0-9A-F]{1,4}|[0-9A-F]{1,2})\}")
_ADDR_TYPE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
ORCPT_LIMIT = 500  # characters, RFC 3461 4.2


def encode(text: str) -> str:
    """Text (UTF-8) as xtext."""
    return _NOT_XCHAR.sub(lambda found: b"+%02X" % found[0][0], text.encode()).decode("ascii")


def decode(xtext: str) -> str:
    """The text behind xtext; raises Invalid (501 5.5.4) for a bad escape, a bare "=" or octets that are no UTF-8."""
    if not _XTEXT.fullmatch(xtext):
        raise Invalid("Bad xtext")
    if "+" not in xtext:
        return xtext
    try:
        octets = _HEXCHAR.sub(lambda found: chr(int(found[1], 16)), xtext).encode("latin-1")
        return octets.decode()
    except UnicodeDecodeError as error:
        raise Invalid("Bad xtext") from error


def printable(text: str) -> str:
    """Text that may be written into a report: no control characters (RFC 3461 4.4); raises Invalid."""
    if not text.isprintable():
        raise Invalid("Unprintable characters in a parameter")
    return text


def _embedded(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    if 0xD800 <= code <= 0xDFFF:
        raise Invalid("Bad utf-8 address in ORCPT")
    return chr(code)


def original_recipient(value: str) -> str:
    """ORCPT's ``addr-type;address`` with the address decoded; raises Invalid."""
    kind, semicolon, address = value.partition(";")
    if not semicolon or not address or len(value) > ORCPT_LIMIT or not _ADDR_TYPE.fullmatch(kind):
        raise Invalid("Bad ORCPT: addr-type;address is wanted")
    if kind.lower() == "utf-8":
        return f"utf-8;{printable(_EMBEDDED.sub(_embedded, address))}"
    return f"{kind.lower()};{printable(decode(address))}"
