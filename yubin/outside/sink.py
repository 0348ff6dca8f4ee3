"""The pretend world's SMTP server: an asyncio protocol around ``Session``, with STARTTLS and a folder of letters."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from yubin.outside import world
from yubin.outside.letters import Letters
from yubin.outside.session import Received, Session

IDLE = 300.0  # RFC 5321 4.5.3.2.7: at least five minutes
NAME = "mx.outside.example"


class Sink:
    """What all sessions share."""

    def __init__(self, letters: Letters, context: ssl.SSLContext | None) -> None:
        self.letters = letters
        self.context = context
        self.sessions: set[_Connection] = set()


class _Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._session = Session(
            name=NAME, rule=world.rule, keep=self._keep, can_start_tls=sink.context is not None
        )
        self._handshake: asyncio.Task[None] | None = None
        self._early = bytearray()
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._sink.sessions.add(self)
        self._peer = _text(transport.get_extra_info("peername"))
        self._transport.write(self._session.greeting())
        self._rest()

    def data_received(self, data: bytes) -> None:
        self._rest()
        if self._session.starts_tls:  # decrypted already, before the handshake's task has gone on
            self._early += data
            return
        self._transport.write(self._session.feed(data))
        if self._session.starts_tls:
            self._transport.pause_reading()
            self._handshake = asyncio.get_running_loop().create_task(self._secure())
        elif self._session.over:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._sink.sessions.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        self._transport.close()

    async def _secure(self) -> None:
        if self._sink.context is None:
            return
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._transport, self, self._sink.context, server_side=True)
        except OSError:  # ssl.SSLError is one: the peer's handshake failed
            self._transport.close()
            return
        if secured is not None:
            self._transport = secured
            self._session.secured()
            early, self._early = bytes(self._early), bytearray()
            self.data_received(early)

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE, self._transport.close)

    def _keep(self, letter: Received) -> str:
        ciphers = self._transport.get_extra_info("ssl_object")
        kept = self._sink.letters.add(
            letter.data,
            {
                "peer": self._peer,
                "helo": letter.helo,
                "sender": letter.sender,
                "recipients": letter.recipients,
                "tls": ciphers.version() if letter.tls and ciphers is not None else "",
                "parameters": letter.mail_parameters,
                "recipient_parameters": letter.rcpt_parameters,
            },
        )
        return f"Letter {kept.number} received"


def _text(peer: tuple[str, int] | None) -> str:
    return f"{peer[0]}:{peer[1]}" if peer else ""


@asynccontextmanager
async def serving(host: str, port: int, sink: Sink) -> AsyncIterator[int]:
    """Yields the port; 0 takes a free one. Sessions still open at the end are closed."""
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(sink), host, port)
    try:
        bound: int = server.sockets[0].getsockname()[1]
        yield bound
    finally:
        server.close()
        for session in list(sink.sessions):
            session.close()
