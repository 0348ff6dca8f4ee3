"""One connection, whatever is spoken on it: octets in and out, time, TLS, and how it ends.

One task serves it. ``read`` waits for octets and raises why there will be none:

    Ended
    ├── Gone         the client has left, or does not read
    ├── Expired      it said nothing for too long
    └── Dismissed    we end it: the pod stops, or the account may not be here any longer

What arrives while nobody reads is held up to ``HIGH``, then the transport is paused; ``drain`` waits while the client
does not read. So a connection holds little of either direction. A command under way is finished before it ends.

Waking a task for what can be answered at once costs more than the answer: ``at_once`` is asked first what comes while the
task waits in ``read`` and the client reads what it gets. It takes the octets, or leaves them to the task (False).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import structlog

from services.gateway import metrics, tls
from services.gateway.service import Service
from yubin.errors import Failure, Internal, Unavailable
from yubin.runtime.metrics import ERRORS

if TYPE_CHECKING:
    from services.gateway.gateway import Gateway

log = structlog.get_logger()
HIGH = 64 * 1024  # octets held in either direction before somebody has to wait


class Ended(Exception):  # noqa: N818 - not an error: a connection ends
    """``result`` is the metrics' label."""

    result = "ended"


class Gone(Ended):
    result = "lost"


class Expired(Ended):
    result = "slow"


class Dismissed(Ended):
    result = "dismissed"

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class Connection(asyncio.Protocol):
    def __init__(self, gateway: Gateway, service: Service) -> None:
        self._gateway, self._service = gateway, service
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._task: asyncio.Task[None] | None = None
        self._held = b""
        self._waiter: asyncio.Future[None] | None = None  # of read or drain
        self._deadline = float("inf")
        self._timer: asyncio.TimerHandle | None = None
        self._rings = 0.0  # when it does; uvloop's handle for a time that is past does not say
        self._dismissal: Failure | None = None
        self._lost = self._over = self._crowded = self._held_back = self._late = self._nudged = False
        self._received = metrics.Tally(metrics.octets(service.name, "in"))
        self._sent = metrics.Tally(metrics.octets(service.name, "out"))
        self.peer = ""
        self.tls = False
        self.sealed: Callable[[bytes], bytes] = bytes  # how a farewell goes out; a service may compress
        self.at_once: Callable[[bytes], bool] | None = None
        self._fault: Exception | None = None  # of at_once, for the task
        self._seconds = 0.0  # of the wait under way

    # ── what asyncio calls ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH)
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self.tls = tls.encrypted(transport)
        if self._task is None:  # not behind STLS
            self._task = self._loop.create_task(self._run())

    def data_received(self, data: bytes) -> None:
        if self.at_once is not None and self._idle() and self._answered(data):
            return
        self._held = self._held + data if self._held else data  # there is seldom some, and never much
        if not self._crowded:  # who waits until the client reads is not interested
            self._wake()
        if len(self._held) > HIGH and not self._held_back:
            self._held_back = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """What came before is still obeyed, and a half-closed client gets its replies."""
        self._over = True
        self._wake()
        return not self.tls

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._lost, self._crowded = True, False
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    def pause_writing(self) -> None:
        self._crowded = True

    def resume_writing(self) -> None:
        self._crowded = False
        self._wake()

    # ── what a service calls ──

    async def read(self, seconds: float) -> bytes:
        """All octets that are there, once there are some; within ``seconds``. None at all after ``nudge``. Raises Ended."""
        while not self._held:
            if self._fault is not None:
                raise self._fault
            if self._nudged:
                self._nudged = False
                return b""
            if self._lost:
                raise Gone
            if self._dismissal is not None:
                raise Dismissed(self._dismissal)
            if self._over:
                raise Gone
            await self._wait(seconds, Expired())
        octets, self._held = self._held, b""
        self._received.add(len(octets))
        if self._held_back:
            self._held_back = False
            self._transport.resume_reading()
        return octets

    def write(self, octets: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(octets)
            self._sent.add(len(octets))

    async def drain(self, seconds: float) -> None:
        """Returns when little waits to be sent. Raises Gone, also when the client has not read for ``seconds``."""
        while self._crowded and not self._transport.is_closing():
            await self._wait(seconds, Gone())
        if self._transport.is_closing():
            raise Gone

    async def start_tls(self) -> None:
        """What came in clear is forgotten. Raises Gone when there is no handshake."""
        self._transport.pause_reading()
        self._held = b""
        try:
            made = await tls.upgrade(
                self._transport, self, self._gateway.context, self._gateway.limits.handshake
            )
        except OSError as error:
            raise Gone from error
        self._transport = made  # the first octets may have come through it already
        self._transport.set_write_buffer_limits(high=HIGH)
        self.tls = True

    def nudge(self) -> None:
        """There is news for whoever waits in ``read``, or will."""
        self._nudged = True
        if not self._crowded:
            self._wake()

    def dismiss(self, failure: Failure) -> None:
        """The client is sent away when the command under way has ended."""
        self._dismissal = self._dismissal or failure
        if not self._crowded:
            self._wake()

    def abandon(self) -> None:
        """There is no more time."""
        if self._task is not None:
            self._task.cancel()

    # ── at once ──

    def _idle(self) -> bool:
        """The task waits in ``read``, and nothing has happened that it has to look at first."""
        waits = self._waiter is not None and not self._waiter.done() and not self._held
        return waits and not self._crowded and not self._nudged and self._dismissal is None

    def _answered(self, data: bytes) -> bool:
        if self.at_once is None:
            return False
        try:
            taken = self.at_once(data)
        except Exception as fault:  # noqa: BLE001 - raised by ``read``, in the task
            self._fault, taken = fault, True
            self._wake()
        if taken:
            self._received.add(len(data))
            self._deadline = self._loop.time() + self._seconds
        return taken

    # ── waiting ──

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, seconds: float, late: Ended) -> None:
        """Until something happens; raises ``late`` when nothing does. One lazy timer serves all waits."""
        self._seconds = seconds
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._rings > self._deadline:
            self._arm()
        self._late = False
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._late:
            raise late

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = self._deadline
        self._timer = self._loop.call_at(self._rings, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._waiter is None:
            return  # the next wait arms again
        if self._loop.time() < self._deadline:
            self._arm()
        else:
            self._late = True
            self._wake()

    # ── the one task of a connection ──

    async def _run(self) -> None:
        result = "ended"
        name = self._service.name
        metrics.CONNECTIONS.labels(name).inc()
        try:
            self._gateway.enter(self)
            await self._service.serve(self)
        except Dismissed as ended:
            result = ended.result
            self.write(self.sealed(self._service.farewell(ended.failure)))
        except Ended as ended:
            result = ended.result
        except Failure as failure:
            result = "refused"
            self.write(self.sealed(self._service.farewell(failure)))
        except asyncio.CancelledError:
            result = "dismissed"
            self.write(self.sealed(self._service.farewell(Unavailable("This server stops"))))
        except Exception:  # the command loop: one of the three places that catch all
            result = "error"
            log.exception("A connection failed for a reason of our own.", action=name, peer=self.peer)
            ERRORS.labels("gateway").inc()
            self.write(self.sealed(self._service.farewell(Internal("Internal error"))))
        finally:
            self._gateway.leave(self)
            metrics.CONNECTIONS.labels(name).dec()
            metrics.ENDED.labels(name, result).inc()
            self._received.settle()
            self._sent.settle()
            self.sealed, self.at_once = bytes, None
            self._task = None  # no cycles: what a connection held is free when it has ended, not when the collector comes
            self._hang_up()

    def _hang_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport.is_closing():
            return
        self._transport.close()
        self._timer = self._loop.call_later(self._gateway.limits.linger, self._transport.abort)
