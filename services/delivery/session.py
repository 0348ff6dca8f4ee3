"""One SMTP session on the network: what ``yubin.smtp.client`` decides, written and read in time.

A session stays usable, or it failed (``SessionFailed`` says at which stage and with which reply), or its letter was
withheld for a reason of our own (``Withheld``). Every wait has an end: each reply has a total deadline (RFC 5321
4.5.3.2) which single bytes do not prolong, each block of the body has one, and the whole attempt has ``until``; only
the reply to the final dot is waited for in full, because giving up there makes a duplicate. The body is written in
chunks of 64 KiB as the peer takes them. The last chunk and the dot leave in one write, after the in-doubt mark has been
confirmed and while the lease has 10 s left (DESIGN I2, I5).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from services.delivery import meters
from services.delivery.connection import Connection
from services.delivery.terms import WHILE, Hello, Peer, Permit, SessionFailed, Timeouts, Tls, Withheld
from yubin.errors import Failure
from yubin.smtp.client import Client
from yubin.smtp.data import FINAL_DOT, wire
from yubin.smtp.envelope import Envelope
from yubin.smtp.stage import Event, Refused, Stage, Transaction, Violated

LEASE_FLOOR = 10.0  # DESIGN I2


class Session:
    """``open`` connects; ``transact`` sends one letter; then ``leave`` or, on any doubt, ``abort``."""

    def __init__(self, peer: Peer, client: Client, timeouts: Timeouts, clock: Callable[[], float]) -> None:
        self.peer = peer
        self.client = client
        self.connection = Connection(client)
        self.tls: Tls | None = None
        self.letters = 0
        self.opened = clock()
        self._timeouts = timeouts
        self._clock = clock

    @classmethod
    async def open(cls, peer: Peer, hello: Hello, timeouts: Timeouts, *, until: float) -> Session:
        """Connected, greeted and, where the peer offers it and ``hello.context`` is given, under TLS."""
        client = Client(hello.name, starttls=hello.context is not None)
        session = cls(peer, client, timeouts, hello.clock)
        try:
            await session._connect(until)
            if await session._event(until) is Event.HANDSHAKE:
                await session._secure(cast("ssl.SSLContext", hello.context), until)
                await session._event(until)
        except SessionFailed as failed:
            session.dismiss() if failed.reply else session.abort()
            raise
        except BaseException:
            session.abort()
            raise
        return session

    @property
    def usable(self) -> bool:
        """Between two transactions, and nothing was heard meanwhile."""
        return self.connection.lost is None and self.client.idle

    async def transact(self, envelope: Envelope, body: bytes, permit: Permit) -> Transaction:
        """One letter to some recipients of one site.

        Raises SessionFailed (``partial`` and ``silent`` tell how far it came) or Withheld; the caller aborts then.
        """
        _require_lease(permit)
        before = self.client.replies
        self.client.mail(envelope)
        self._flush()
        marking = asyncio.ensure_future(permit.mark())
        marking.add_done_callback(_retrieved)
        try:
            return await self._converse(body, permit, marking)
        except SessionFailed as failed:
            failed.partial = self.client.transaction
            failed.silent = self.client.replies == before
            raise
        finally:
            self.letters += 1
            marking.cancel()

    def leave(self) -> None:
        """QUIT, without waiting for 221: it could change nothing."""
        if self.usable:
            self.client.quit()
            self._flush()
        self.connection.close()

    def dismiss(self) -> None:
        """A peer that refused us hears QUIT too (RFC 5321 3.1)."""
        self.connection.write(b"QUIT\r\n")
        self.connection.close()

    def abort(self) -> None:
        self.connection.abort()

    # ── opening ──

    async def _connect(self, until: float) -> None:
        began = self._clock()
        await self.connection.connect(self.peer, min(self._timeouts.connect, until - began))
        meters.spent(Stage.CONNECT, self._clock() - began)

    async def _secure(self, context: ssl.SSLContext, until: float) -> None:
        if self.client.over:  # bytes behind the 220, in a segment of their own
            await self._event(until)
        began = self._clock()
        self.tls = await self.connection.secure(self.peer, context, min(self._timeouts.tls, until - began))
        meters.spent(Stage.TLS, self._clock() - began)
        self.client.secured()

    # ── one transaction ──

    async def _converse(self, body: bytes, permit: Permit, marking: asyncio.Future[bool]) -> Transaction:
        event = await self._event(permit.until)
        if event is Event.ENVELOPE:
            _require_lease(permit)
            self.client.data()
            event = await self._event(permit.until)
        if event is Event.BODY:
            await self._write_body(body, permit, marking)
            await self._event(None)
        return cast("Transaction", self.client.transaction)

    async def _write_body(self, body: bytes, permit: Permit, marking: asyncio.Future[bool]) -> None:
        began, last = self._clock(), b""
        for chunk in wire(body):
            if last:
                await self._write_chunk(last, permit.until)
            last = chunk
        await self._confirm(marking)
        self._interrupted()
        _require_lease(permit)
        self.client.dot()
        self.connection.write(last + FINAL_DOT)
        meters.spent(Stage.BODY, self._clock() - began)
        meters.OCTETS.labels(self.peer.provider).inc(len(body))

    async def _write_chunk(self, chunk: bytes, until: float) -> None:
        self._interrupted()
        self.connection.write(chunk)
        if not await self.connection.drain(min(self._timeouts.body, until - self._clock())):
            raise SessionFailed(Stage.BODY, f"{self.peer} does not take the letter: timed out")

    def _interrupted(self) -> None:
        """A refusal of the body before its end, or a lost connection: both before the dot."""
        event = self.client.next_event()
        if event is not None:
            self._judge(event)
        if self.connection.lost is not None:
            raise self._lost()

    async def _confirm(self, marking: asyncio.Future[bool]) -> None:
        """DESIGN I5: the row is marked in doubt before the dot, or the dot is not sent."""
        try:
            async with asyncio.timeout(self._timeouts.mark):
                granted = await marking
        except (TimeoutError, Failure) as error:
            raise Withheld("the in-doubt mark could not be written") from error
        if not granted:
            raise Withheld("the claim is no longer ours")

    # ── replies, in time ──

    async def _event(self, until: float | None) -> Event:
        """The client's next event; each single reply must come within its stage's time."""
        client, clock = self.client, self._clock
        while True:
            self._flush()
            replies, stage, since = client.replies, client.stage, clock()
            event = client.next_event()
            if event is not None:
                return self._judge(event)
            allowed = self._timeouts.of(stage)
            deadline = since + allowed if until is None else min(since + allowed, until)
            while client.replies == replies and not client.over:
                if self.connection.lost is not None:
                    raise self._lost()
                if not await self.connection.more(deadline - clock()):
                    raise SessionFailed(stage, f"{self.peer} did not answer in time {WHILE[stage]}")
            meters.spent(stage, clock() - since)

    def _judge(self, event: Event | Refused | Violated) -> Event:
        if isinstance(event, Refused):
            raise SessionFailed(event.stage, f"{self.peer} said: {event.reply}", event.reply)
        if isinstance(event, Violated):
            text = f"{self.peer} does not keep to SMTP {WHILE[event.stage]}: {event.reason}"
            raise SessionFailed(event.stage, text, violation=True)
        return event

    def _lost(self) -> SessionFailed:
        stage = self.client.stage
        return SessionFailed(
            stage, f"lost the connection to {self.peer} {WHILE[stage]}: {self.connection.lost}"
        )

    def _flush(self) -> None:
        self.connection.write(self.client.take())


def _require_lease(permit: Permit) -> None:
    if permit.lease_left() < LEASE_FLOOR:
        raise Withheld("too little is left of the lease")


def _retrieved(marking: asyncio.Future[bool]) -> None:
    """An unneeded mark may fail without a warning."""
    if not marking.cancelled():
        marking.exception()
