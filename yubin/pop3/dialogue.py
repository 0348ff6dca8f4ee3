"""One session as far as it has come: what the verbs read and change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from yubin.errors import Failure
from yubin.pop3 import maildrop, reply
from yubin.pop3.lines import Lines
from yubin.pop3.maildrop import Maildrop


class State(StrEnum):
    """RFC 1939 3."""

    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """``mechanisms`` of SASL in the order in which they are named. ``stls``: there is a certificate."""

    hostname: str
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    stls: bool = True
    auth_without_tls: bool = False
    login_failures: int = 3  # then the connection is closed
    errors: int = 10  # bad commands since the last good one, then it is closed
    junk: int = 100  # commands that do nothing, at once …
    junk_rate: float = 1.0  # … and a second


@dataclass(kw_only=True, slots=True)
class Dialogue:
    terms: Terms
    tls: bool
    state: State = State.AUTHORIZATION
    user: str = ""  # of USER, until PASS
    utf8: bool = False
    maildrop: Maildrop = maildrop.NONE
    failures: int = 0  # of logins
    closing: bool = False  # when what there is to say has been sent
    cut: bool = False  # a message broke off behind its +OK
    lines: Lines = field(default_factory=Lines)
    out: list[bytes] = field(default_factory=list)
    pending: int = 0  # octets of ``out``

    @property
    def secure(self) -> bool:
        """A password may be said here."""
        return self.tls or self.terms.auth_without_tls

    def write(self, octets: bytes) -> None:
        self.out.append(octets)
        self.pending += len(octets)

    def ok(self, text: str) -> None:
        self.write(reply.ok(text))

    def err(self, failure: Failure) -> None:
        self.write(reply.err(failure))
