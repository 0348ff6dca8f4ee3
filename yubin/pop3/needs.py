"""What a session asks of the world outside: each is answered with a value, or with a Failure, which is the reply."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from yubin.sasl.mechanism import Bearer, ScramFinal, ScramFirst


class Wait(Enum):
    LINE = auto()  # of the client; the session looks after that itself
    ROOM = auto()  # until what there is to say has been sent: there is much of it
    START_TLS = auto()  # once what there is to say has been sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Answer: yubin.pop3.maildrop.Maildrop. Failures: Unauthenticated, InUse, or temporary ones."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prove:
    """What a mechanism of yubin.sasl asks. Answer: Offer, Proven with the Maildrop, or the Maildrop; failures as Login's."""

    claim: Bearer | ScramFirst | ScramFinal


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """The octets of a message. Answer: the first piece, None when it has none. Failures: NotFound, or temporary ones."""

    number: int
    verb: str  # for which it is wanted: RETR or TOP


class Letter(Enum):
    """Of the message that was opened."""

    MORE = auto()  # answer: the next piece, None behind the last
    ENOUGH = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """RFC 1939 6: the UPDATE state, and the end of the session's hold on the maildrop. No answer.

    Any Failure means that some or all of ``deleted`` are still there.
    """

    deleted: tuple[int, ...]  # message numbers, ascending


Need = Wait | Login | Prove | Open | Letter | Update
Steps = Generator[Need, Any, None]
