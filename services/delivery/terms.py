"""What a session is opened with and how it fails: the peer, the times, the permit of one transaction, the errors."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from yubin.smtp.reply import Reply
from yubin.smtp.stage import Stage, Transaction

WHILE = {stage: f"while {stage.upper()} was to be answered" for stage in Stage} | {
    Stage.BANNER: "before its greeting",
    Stage.TLS: "before TLS began",
    Stage.IDLE: "between two letters",
    Stage.BODY: "while the letter was sent",
    Stage.DOT: "while the end of the letter was to be answered",
}


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds; RFC 5321 4.5.3.2 names those from ``banner`` to ``dot``."""

    connect: float = 30.0
    banner: float = 300.0
    ehlo: float = 300.0
    tls: float = 60.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    body: float = 180.0
    dot: float = 600.0
    rset: float = 20.0
    mark: float = 30.0

    def of(self, stage: Stage) -> float:
        return cast("float", getattr(self, _TIMEOUT[stage]))


_TIMEOUT = {stage: stage.value for stage in Stage} | {
    Stage.HELO: "ehlo",
    Stage.STARTTLS: "ehlo",
    Stage.IDLE: "rset",
    Stage.QUIT: "rset",
}


class SessionFailed(Exception):  # noqa: N818 - "failed" is what the log says
    """The session is of no more use; ``reply`` if the peer said why.

    ``partial`` is the transaction under way, if any; ``silent`` says that the peer answered nothing of it.
    """

    def __init__(
        self, stage: Stage, text: str, reply: Reply | None = None, *, violation: bool = False
    ) -> None:
        super().__init__(text)
        self.stage = stage
        self.text = text
        self.reply = reply
        self.violation = violation
        self.partial: Transaction | None = None
        self.silent = False


class TlsFailed(SessionFailed):
    """STARTTLS was agreed on and the handshake did not succeed."""


class OurTrouble(Exception):  # noqa: N818 - as above
    """No fault of the peer, and nothing was delivered: try again in ``retry_after`` seconds, at no cost."""

    def __init__(self, text: str, *, retry_after: float = 30.0) -> None:
        super().__init__(text)
        self.text = text
        self.retry_after = retry_after


class Withheld(OurTrouble):
    """DATA or the final dot was not sent, because the claim is not surely ours."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Where a session goes: ``address`` comes from a Route and from nowhere else (DESIGN 6)."""

    name: str
    address: str
    port: int
    provider: str = "other"

    def __str__(self) -> str:
        return f"{self.name}[{self.address}]:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Hello:
    """How we introduce ourselves: the EHLO name, and a TLS context unless the session is to stay in clear."""

    name: str
    context: ssl.SSLContext | None
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, kw_only=True)
class Tls:
    """For the log and the span; ``verified`` when the certificate had to be valid."""

    version: str
    cipher: str
    verified: bool

    @classmethod
    def of(cls, transport: asyncio.BaseTransport, *, verified: bool) -> Tls:
        cipher = transport.get_extra_info("cipher") or ("", "", 0)
        return cls(version=cipher[1], cipher=cipher[0], verified=verified)


@dataclass(frozen=True, kw_only=True)
class Permit:
    """What the worker grants to one transaction. ``until`` on ``clock``; see ``Attempt.deliver`` for the calls."""

    mark: Callable[[], Awaitable[bool]]
    lease_left: Callable[[], float]
    until: float
