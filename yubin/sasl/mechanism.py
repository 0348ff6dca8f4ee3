"""The server's side of SASL (RFC 4422) as it goes over SMTP (RFC 4954), without waiting: responses in, challenges out.

    mechanism.respond(octets)  →  Challenge (ask the client and come again) or Credentials (go and check them)

The first response may be None: the client gave none with its command. Every refusal is a Failure with the reply of
RFC 4954 6 or RFC 4616. What a client sent is never part of a text: it may be a password.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import Protocol

from yubin.errors import Invalid, Unauthenticated

FIELD_LIMIT = 1024  # octets of a login or a password


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    octets: bytes

    def line(self) -> bytes:
        return b"334 " + binascii.b2a_base64(self.octets, newline=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    login: str
    password: str = field(repr=False)


class Mechanism(Protocol):
    def respond(self, response: bytes | None) -> Challenge | Credentials: ...


def decode(text: str, *, initial: bool = False) -> bytes:
    """A response as it stands on the line (RFC 4954 4); raises Invalid 501 for ``*`` and for what is no base64."""
    if text == "*":
        raise Invalid("Authentication cancelled", enhanced="5.7.0")
    if initial and text == "=":  # an initial response of no octets
        return b""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Invalid("Not base64", enhanced="5.5.2") from error


def text(octets: bytes) -> str:
    """A login or password: UTF-8, some octets, no NUL; else Unauthenticated, as a wrong one would be."""
    try:
        decoded = octets.decode()
    except UnicodeDecodeError as error:
        raise Unauthenticated("Authentication credentials invalid") from error
    if not octets or len(octets) > FIELD_LIMIT or "\0" in decoded:
        raise Unauthenticated("Authentication credentials invalid")
    return decoded
