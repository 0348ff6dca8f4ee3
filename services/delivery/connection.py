"""One TCP connection to a peer, plain or TLS: bytes to the SMTP client, its commands to the wire.

Bytes are handed over as they come; the client keeps what it holds bounded, and once it is done with a peer nothing more
is read. Whoever waits does so with a time limit.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import ssl
from collections.abc import Callable
from typing import cast

from services.delivery.terms import OurTrouble, Peer, SessionFailed, Tls, TlsFailed
from yubin.smtp.client import Client
from yubin.smtp.data import CHUNK
from yubin.smtp.reply import printable
from yubin.smtp.stage import Stage

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


class Connection(asyncio.Protocol):
    """``lost`` is None while the connection holds, then the reason; ``closed`` ends when the socket is gone."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.lost: str | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._woken: asyncio.Future[bool] | None = None
        self._writable: asyncio.Future[None] | None = None
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.on_lost: Callable[[], None] = lambda: None

    # ── what asyncio calls ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._use(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        self.client.feed(data)
        if self.client.over and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._gone("the peer closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone(reason(exc) if exc else "the connection was closed")
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # ── opening ──

    async def connect(self, peer: Peer, seconds: float) -> None:
        """To an address, never to a name: what DNS says is the resolver's business."""
        ipaddress.ip_address(peer.address)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._loop.create_connection(lambda: self, peer.address, peer.port)
        except TimeoutError:
            raise SessionFailed(Stage.CONNECT, f"connect to {peer}: timed out") from None
        except OSError as error:
            if error.errno in _OURS:
                raise OurTrouble(reason(error)) from error
            raise SessionFailed(Stage.CONNECT, f"connect to {peer}: {reason(error)}") from error

    async def secure(self, peer: Peer, context: ssl.SSLContext, seconds: float) -> Tls:
        """The TLS handshake behind STARTTLS; raises TlsFailed."""
        try:
            transport = await self._loop.start_tls(
                cast("asyncio.Transport", self._transport),
                self,
                context,
                server_hostname=peer.name,
                ssl_handshake_timeout=max(0.001, seconds),
                ssl_shutdown_timeout=1.0,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError and TimeoutError are OSErrors
            raise TlsFailed(Stage.TLS, f"TLS with {peer}: {reason(error)}") from error
        if transport is None or self.lost is not None:
            raise TlsFailed(Stage.TLS, f"TLS with {peer}: {self.lost}")
        self._use(transport)
        return Tls.of(transport, verified=context.verify_mode is ssl.CERT_REQUIRED)

    # ── reading, writing, ending ──

    async def more(self, seconds: float) -> bool:
        """Waits for bytes or the end of the connection; False when the time is up."""
        if seconds <= 0:
            return False
        woken: asyncio.Future[bool] = self._loop.create_future()
        self._woken = woken
        timer = self._loop.call_later(seconds, _settle, woken, False)
        try:
            return await woken
        finally:
            timer.cancel()
            self._woken = None

    def write(self, data: bytes) -> None:
        if data and self.lost is None and self._transport is not None:
            self._transport.write(data)

    async def drain(self, seconds: float) -> bool:
        """Waits until the peer has taken most of what was written; False when the time is up."""
        if self._writable is None:
            return True
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._writable
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """What was written still leaves."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _use(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=CHUNK)

    def _gone(self, why: str) -> None:
        if self.lost is None:
            self.lost = why
            self.on_lost()
        self._wake()

    def _wake(self) -> None:
        if self._woken is not None:
            _settle(self._woken, True)


def _settle(woken: asyncio.Future[bool], heard: bool) -> None:
    if not woken.done():
        woken.set_result(heard)


def reason(error: BaseException) -> str:
    """One line for a stranger: what the system calls the error."""
    if isinstance(error, ssl.SSLError):
        return printable(str(error.reason or error).encode())[:200]
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return printable(str(error).encode())[:200] or type(error).__name__
