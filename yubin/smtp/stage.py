"""The nouns of a client session: its stages, the events it gives to its caller, and the record of one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from yubin.smtp.envelope import Envelope
from yubin.smtp.reply import Reply


class Stage(StrEnum):
    """What is being waited for; CONNECT and TLS are the caller's."""

    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    HELO = "helo"
    STARTTLS = "starttls"
    TLS = "tls"
    IDLE = "idle"
    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    QUIT = "quit"


class Event(Enum):
    HANDSHAKE = "handshake"
    READY = "ready"
    ENVELOPE = "envelope"
    BODY = "body"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Refused:
    stage: Stage
    reply: Reply


@dataclass(frozen=True, slots=True)
class Violated:
    stage: Stage
    reason: str


@dataclass(slots=True)
class Transaction:
    """What the peer has said so far: ``recipients`` in the envelope's order, ``final`` to DATA or to the dot."""

    envelope: Envelope
    mail: Reply | None = None
    recipients: list[Reply] = field(default_factory=list)
    final: Reply | None = None
    dot_sent: bool = False

    @property
    def accepted(self) -> bool:
        """Some recipient may get the letter."""
        refused = self.mail is not None and not self.mail.positive
        return not refused and any(reply.positive for reply in self.recipients)
