"""What a reception asks of the pod that it serves: who may say what, and what becomes of a letter.

``submission`` and ``mx`` each bring a policy. Its methods are called in the order of the conversation; to refuse, they
raise a ``yubin.errors.Failure``, which is the reply. Any other exception is a fault of our own: 451 4.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from yubin.accounts.port import Identity
from yubin.sasl.mechanism import Claim
from yubin.smtp.command import Mail, Rcpt


@dataclass(kw_only=True, slots=True)
class Session:
    """One connection, as far as it has come. ``peer`` is the client's IP address.

    ``tls`` names protocol version and cipher, "" in clear. ``helo`` is what the client calls itself, never believed.
    """

    peer: str
    port: int
    tls: str = ""
    helo: str = ""
    esmtp: bool = False
    identity: Identity | None = None


@dataclass(kw_only=True, slots=True)
class Envelope:
    """One transaction: MAIL, and each RCPT that was accepted. ``notes`` is what the policy remembers of it."""

    mail: Mail
    rcpts: list[Rcpt] = field(default_factory=list)
    notes: Any = None


class Policy(Protocol):
    def size_limit(self, session: Session) -> int:
        """Octets that a letter may have in this session."""

    async def connect(self, session: Session) -> None:
        """Before the greeting; a refusal ends the connection."""

    async def helo(self, session: Session) -> None: ...

    async def authenticate(self, session: Session, claim: Claim) -> Any:
        """What ``yubin.accounts.exchange.ask`` answers."""

    async def mail(self, session: Session, mail: Mail) -> None: ...

    async def rcpt(self, session: Session, envelope: Envelope, rcpt: Rcpt) -> None: ...

    async def data(self, session: Session, envelope: Envelope, content: bytes) -> str:
        """Takes the letter on (DESIGN I1); the text of the 250. ``content`` has CRLF line ends and no stuffed dots.

        Cancelled when it has not answered in time, or the pod stops: it must then have had no effect, or be undone.
        """
