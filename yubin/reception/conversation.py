"""One connection: aiosmtpd's protocol class with the parts replaced that measurement condemns. The only import of it.

Kept of aiosmtpd: its place in asyncio (a StreamReaderProtocol with its flow control), ``session`` and ``envelope`` and the
hooks that make and reset them, ``push``, ``_handle_client`` as the one task of a connection. Replaced:

- its constructor, which inspects two classes for each connection (0.18 ms);
- the stream reader: octets go into ``Incoming``, which finds commands and letters exactly and within bounds;
- the reply that is written for each command: replies of a pipelined batch leave in one write, when nothing is left to
  read (RFC 2920 3.2: "SHOULD … send in as few writes as possible");
- its own SSLProtocol: ``loop.start_tls`` also works under uvloop;
- the cancellation of the task when the client leaves: what was accepted is finished (DESIGN section 3).

The verbs are in ``verbs``; waiting, time and closing are here. It is longer than most: asyncio gives a connection one class.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import structlog
from aiosmtpd.smtp import SMTP

from yubin.errors import Failure, Invalid
from yubin.reception import metrics, opening
from yubin.reception.ends import Ended, Expired, Gone, Leaving
from yubin.reception.policy import Envelope, Session
from yubin.smtp.incoming import Incoming

if TYPE_CHECKING:
    from yubin.reception.reception import Reception

__all__ = ["Conversation", "Ended", "Expired", "Gone", "Leaving"]
log = structlog.get_logger()
HIGH = 64 * 1024  # octets held while nobody reads; above, the transport is paused


def _tls(transport: asyncio.BaseTransport) -> str:
    """Version and cipher as they stand in Received, "" in clear."""
    shown: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    cipher = shown.cipher() if shown is not None else None
    return f"{cipher[1]} with cipher {cipher[0]}" if cipher else ""


class Conversation(SMTP):
    session: Session  # type: ignore[assignment]  # ours in the place of aiosmtpd's
    envelope: Envelope | None  # type: ignore[assignment]

    def __init__(self, reception: Reception) -> None:
        self.loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(self, asyncio.StreamReader(loop=self.loop), loop=self.loop)
        self.reception, self.terms, self.policy = reception, reception.terms, reception.policy
        self.incoming = Incoming()
        self.envelope = None
        self.transport: Any = None
        self.chunks: bytearray | None = None  # of BDAT
        self.errors = self.junk = self.overshoot = 0
        self.code = 0  # of the last reply
        self.closing = False
        self.receiving = False  # a letter
        self.cut_short = False  # in a letter, by a pod that stops
        self._replies = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._began, self._deadline, self._hasty = 0.0, float("inf"), False
        self._timer: asyncio.TimerHandle | None = None
        self._rings = 0.0  # when it does; uvloop's handle for a time that is past does not say
        self._ended = self._expired = self._held_back = False
        self._booked = 0

    # -- what asyncio calls ---------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self.transport = transport
        peer = transport.get_extra_info("peername") or ("", 0)
        self.session = Session(peer=str(peer[0]), port=int(peer[1]), tls=_tls(transport))
        self._handler_coroutine = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        self.incoming.feed(data)
        if self.receiving:
            self._book(len(data))
        if self._waiter is not None:
            self._wake()
        elif len(self.incoming) > HIGH and not self._held_back:
            self._held_back = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """What came before is still obeyed; a half-closed client gets its replies."""
        self._ended = True
        self._wake()
        return not self.session.tls

    def connection_lost(self, error: Exception | None) -> None:
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self._ended = self.closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    # -- waiting --------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def more(self) -> None:
        """Sends what is to be said and waits for octets; raises Gone or Expired."""
        await self.flush()
        if self._ended:
            raise Gone
        if self._held_back:
            self._held_back = False
            self.transport.resume_reading()
        if self._timer is None:
            self._arm()
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._expired:
            raise Expired

    def within(self, seconds: float, *, hasty: bool = False) -> None:
        """The client's time until it has sent what is expected next; not prolonged by single octets.

        ``hasty``: it is shorter while the pod is nearly full (``Terms.stress_timeout``), from whenever that is so.
        """
        self._began, self._hasty, self._expired = self.loop.time(), hasty, False
        self._deadline = self._began + seconds
        if self._timer is None or self._rings > self._look():
            self._arm()

    def _look(self) -> float:
        """When the deadline is looked at next."""
        return (
            min(self._deadline, self.loop.time() + self.terms.stress_timeout)
            if self._hasty
            else self._deadline
        )

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = self._look()
        self._timer = self.loop.call_at(self._rings, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._waiter is None:
            return  # it is our turn; the next wait arms again
        now = self.loop.time()
        hurry = self._hasty and self.reception.stressed and now >= self._began + self.terms.stress_timeout
        if now < self._deadline and not hurry:
            self._arm()
            return
        self._expired = True
        self._wake()

    async def line(self) -> bytes:
        """The next command line; raises Leaving when there is none yet and the pod stops."""
        self.within(self.terms.command_timeout, hasty=True)
        while (line := self.incoming.line()) is None:
            if self.reception.stopping:
                raise Leaving
            await self.more()
        return line

    # -- letters in memory ----------------------------------------------------------------------------------------

    def _book(self, octets: int) -> None:
        self._booked += octets
        self.reception.held += octets

    @property
    def full(self) -> bool:
        """All letters being received hold more than ``Terms.held``."""
        return self.reception.held > self.terms.held

    @contextlib.contextmanager
    def booked(self) -> Iterator[None]:
        """While a letter is received, what it holds counts against ``Terms.held``; chunks until they are one letter."""
        self.receiving = True
        self._book(len(self.incoming))
        try:
            yield
        except asyncio.CancelledError:
            self.cut_short = True
            raise
        finally:
            self.receiving = False
            self._unbook(len(self.chunks or b""))

    def _unbook(self, kept: int = 0) -> None:
        self.reception.held -= self._booked - kept
        self._booked = kept

    # -- replies --------------------------------------------------------------------------------------------------

    def say(self, code: int, enhanced: str, *texts: str) -> None:
        """A reply of one or more lines (RFC 5321 4.2.1), with the enhanced code where there is one (RFC 2034)."""
        self.code = code
        prefix = f"{enhanced} " if enhanced else ""
        lines = [f"{code}-{prefix}{text}\r\n" for text in texts[:-1]]
        self._replies += "".join([*lines, f"{code} {prefix}{texts[-1]}\r\n"]).encode("ascii", "replace")

    def refuse(self, failure: Failure) -> None:
        self.say(failure.code, failure.enhanced, failure.text)

    async def push(self, status: str | bytes) -> None:
        self._replies += (status.encode("ascii", "replace") if isinstance(status, str) else status) + b"\r\n"

    async def flush(self) -> None:
        """One write for all replies; waits, not for ever, while the client does not read them."""
        if self._replies and not self.transport.is_closing():
            self.transport.write(bytes(self._replies))
            if self._paused:  # type: ignore[attr-defined]  # asyncio's FlowControlMixin has no stubs
                try:
                    async with asyncio.timeout(self.terms.command_timeout):
                        await self._drain_helper()  # type: ignore[attr-defined]
                except OSError as error:  # TimeoutError is one
                    self.transport.abort()
                    raise Gone from error
        self._replies.clear()

    # -- TLS ------------------------------------------------------------------------------------------------------

    async def start_tls(self) -> None:
        """After STARTTLS nothing of what was said before holds (RFC 3207 4.2); raises Gone when there is no TLS."""
        self.transport.pause_reading()
        await self.flush()
        try:
            transport = await self.loop.start_tls(
                self.transport,
                self,
                self.terms.tls,  # type: ignore[arg-type]
                server_side=True,
                ssl_handshake_timeout=self.terms.handshake_timeout,
            )
        except OSError as error:  # ssl.SSLError and TimeoutError are among them
            raise Gone from error
        if transport is None:
            raise Gone
        self.transport = transport
        self._over_ssl = True
        self.session = Session(peer=self.session.peer, port=self.session.port, tls=_tls(transport))
        self.reset()

    def reset(self) -> None:
        """No transaction is under way (RFC 5321 4.1.1.5)."""
        self.envelope = None
        self.chunks = None
        self._unbook()

    _set_rset_state = reset

    # -- the one task of a connection -----------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        result = "ended"
        try:
            await opening.introduced(self)
            self.reception.enter(self)
            await self.policy.connect(self.session)
            await opening.hush(self)
            self.say(220, "", f"{self.terms.hostname} ESMTP Yubin")
            await self._converse()
        except Failure as failure:  # of enter, connect and hush
            result = "refused"
            self.refuse(failure)
        except Gone:
            result = "lost"
        except Expired:
            result = "slow"
            self.say(421, "4.4.2", "You took too long")
        except Leaving:
            self._leave()
        except asyncio.CancelledError:
            self._leave()
        except Exception:  # the command loop: one of the three places that catch all
            result = "error"
            log.exception(
                "A conversation failed for a reason of our own.", action="smtp", peer=self.session.peer
            )
            self.say(421, "4.3.0", "Internal error")
        finally:
            self.reset()
            self.reception.leave(self)
            metrics.CONNECTIONS.labels(result).inc()
            self._hang_up()

    async def _converse(self) -> None:
        while not self.closing:
            try:
                line = await self.line()
            except Invalid as failure:  # the stream means nothing any more
                self.refuse(failure)
                return
            await self.reception.obey(self, line)

    def _leave(self) -> None:
        if self.cut_short:
            self.say(451, "4.3.2", "This server stops; please send it again")
        else:
            self.say(421, "4.3.2", "This server stops")

    def _hang_up(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self._replies:
            self.transport.write(bytes(self._replies))
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(self.terms.linger, self.transport.abort)

    def interrupt(self) -> None:
        """The pod stops: a client between two commands is told at once, a letter under way is finished."""
        if not self.receiving:
            self._wake()

    def abandon(self) -> None:
        """There is no more time."""
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
