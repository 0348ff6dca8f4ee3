"""The server's side of SASL (RFC 4422), without waiting: a mechanism is a generator that asks, and is sent the answers.

    Challenge                 for the client; sent: its response
    Credentials, Bearer       is this so?; sent: who it is (whatever that is to who asks)
    ScramFirst, ScramFinal    two steps of one question; sent: Offer, then Proven

It returns who it is. A question that is answered with no is thrown in as a Failure. It is begun with the client's initial
response, or None where the client gave none with its command. Every refusal is a Failure with the reply of RFC 4954 6.
What a client sent is never part of a text: it may be a password.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from yubin.errors import Invalid, Unauthenticated

FIELD_LIMIT = 1024  # octets of a login or a password
TOKEN_LIMIT = 32 * 1024  # characters of a bearer token; with many groups in it, it has 8 to 16 KiB
MESSAGE_LIMIT = 2048  # octets of a message of SCRAM
RESPONSE_LIMIT = 64 * 1024  # characters of base64; a protocol may bound its lines more closely (RFC 4954 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    octets: bytes

    def line(self) -> bytes:
        """As SMTP says it."""
        return b"334 " + binascii.b2a_base64(self.octets, newline=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bearer:
    """``login`` "": whoever the token names."""

    login: str
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScramFirst:
    """client-first-message of RFC 5802 7."""

    message: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """server-first-message, and what whoever made it wants to hear again."""

    message: bytes
    state: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScramFinal:
    """client-final-message, with the state of the Offer."""

    message: bytes = field(repr=False)
    state: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """server-final-message, and who it is."""

    message: bytes = field(repr=False)
    who: Any


Claim: TypeAlias = Credentials | Bearer | ScramFirst | ScramFinal
Steps: TypeAlias = Generator[Challenge | Claim, Any, Any]
Mechanism: TypeAlias = Callable[[bytes | None], Steps]


def decode(text: str, *, initial: bool = False) -> bytes:
    """A response as it stands on the line (RFC 4954 4); raises Invalid 501 for ``*`` and for what is no base64."""
    if text == "*":
        raise Invalid("Authentication cancelled", enhanced="5.7.0")
    if initial and text == "=":  # an initial response of no octets
        return b""
    if len(text) > RESPONSE_LIMIT:
        raise Invalid("Too long", code=500, enhanced="5.5.6")
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Invalid("Not base64", enhanced="5.5.2") from error


def text(octets: bytes) -> str:
    """A login or password: UTF-8, some octets, no NUL; else Unauthenticated, as a wrong one would be."""
    try:
        decoded = octets.decode()
    except UnicodeDecodeError as error:
        raise wrong() from error
    if not octets or len(octets) > FIELD_LIMIT or "\0" in decoded:
        raise wrong()
    return decoded


def wrong() -> Unauthenticated:
    """The one refusal of whatever does not hold."""
    return Unauthenticated("Authentication credentials invalid")


def malformed(name: str) -> Invalid:
    return Invalid(f"Bad {name} message", enhanced="5.5.2")
