"""Deliver from another pod: ``RemoteDeliveries``, many letters to a frame, many frames to one long stream.

Letters that arrive while a frame is written, or while as many frames as may be are in flight, make the next frame; there
is no timer. A stream is opened when there is something to say, and given up after a minute: the next one may find
another pod, and what was said on the old one is still answered there. When a stream breaks, what is not answered is
said once more on a new one (Deliver is idempotent); after a second break, or a deadline, the answer is Unavailable.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field, replace

import grpc
from prometheus_client import Histogram

from yubin.accounts.flights import Flights
from yubin.errors import Failure, Internal, Unavailable
from yubin.mailboxes import wire
from yubin.mailboxes.deliveries import Inbound
from yubin.mailboxes.frames import FRAME, LETTERS, inbound_to, weight
from yubin.mailboxes.port import Delivered, Usage
from yubin.runtime import tracing
from yubin.runtime.metrics import SECONDS
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

IN_FLIGHT = 4  # frames of one stream: more of them would be smaller, and cost more
TRIES = 2  # streams on which a letter is said
PAUSE = 0.2  # seconds before the next stream when the last one broke without an answer
USAGE_FOR = 10.0  # seconds
USAGE_ENTRIES = 10_000
USAGE_ACCOUNTS = 1000  # of one call
FRAMES = Histogram(
    "yubin_mailbox_frame_letters",
    "letters in one frame to the mailbox pods",
    buckets=(1, 2, 5, 10, 20, 50, 100),
)
TOOK = Histogram(
    "yubin_mailbox_handover_seconds", "from asking to the answer, of each letter", buckets=SECONDS
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds: ``deadline`` for one letter, ``renew`` a stream's age."""

    deadline: float = 30.0
    renew: float = 60.0


@dataclass(eq=False)
class _Said:
    """A letter on its way, and who waits for its answers."""

    letter: Inbound
    answers: asyncio.Future[list[Delivered | Failure]]
    breaks: int = field(default=0)

    def fail(self) -> None:
        if not self.answers.done():
            self.answers.set_exception(Unavailable("the mailboxes are away"))


class RemoteDeliveries:
    """Implements ``Deliveries`` (yubin.mailboxes.deliveries)."""

    def __init__(self, channel: grpc.aio.Channel, terms: Terms = Terms()) -> None:
        self._stub, self._terms = stubs.MailboxStub(channel), terms
        self._waiting: deque[_Said] = deque()
        self._stream: _Stream | None = None
        self._streams: set[asyncio.Task[None]] = set()
        self._context = copy_context()  # a stream belongs to nobody's letter, and to nobody's trace
        self._closed = False
        self._usage = _Usages(self._stub)

    async def deliver(self, letter: Inbound) -> Sequence[Delivered | Failure]:
        if self._closed:
            raise Unavailable("this pod is stopping")
        answers: asyncio.Future[list[Delivered | Failure]] = asyncio.get_running_loop().create_future()
        said = _Said(_traced(letter), answers)
        self._waiting.append(said)
        self._wake()
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._terms.deadline):
                return await answers
        except TimeoutError as cause:
            if self._stream is not None:
                self._stream.retire()  # it has been silent for long
            raise Unavailable("the mailboxes do not answer") from cause
        finally:
            TOOK.observe(time.perf_counter() - began)

    async def usage(self, accounts: Sequence[str]) -> Mapping[str, Usage]:
        return await self._usage.of(accounts)

    async def close(self) -> None:
        """What was said is answered, for as long as a letter may take; what was not said is Unavailable."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft().fail()
        if self._stream is not None:
            self._stream.retire()
        if self._streams:
            _, late = await asyncio.wait(self._streams, timeout=self._terms.deadline)
            for task in late:
                task.cancel()

    def _wake(self, pause: float = 0.0) -> None:
        if self._stream is None or self._stream.spent:
            self._stream = _Stream(self._waiting, self._terms, self._go_on)
            task = asyncio.create_task(self._carry(self._stream, pause), context=self._context)
            self._streams.add(task)
            task.add_done_callback(self._streams.discard)
        self._stream.news.set()

    def _go_on(self) -> None:
        """A stream takes no more; what waits goes to the next."""
        if self._waiting and not self._closed:
            self._wake()

    async def _carry(self, stream: _Stream, pause: float) -> None:
        """One stream from its beginning to its last answer."""
        broken = True
        try:
            await asyncio.sleep(pause)
            await stream.run(self._stub)
            broken = False
        except Failure:
            pass
        finally:
            stream.spent = True
            self._settle(stream, broken=broken)

    def _settle(self, stream: _Stream, *, broken: bool) -> None:
        """What this stream leaves unanswered is said again, ahead of the others, or fails."""
        left = [said for frame in stream.in_flight.values() for said in frame]
        if broken:
            left += self._waiting
            self._waiting.clear()
        for said in left:
            said.breaks += 1
        for said in reversed(left):
            if said.breaks >= TRIES or self._closed:
                said.fail()
            elif not said.answers.done():
                self._waiting.appendleft(said)
        if self._waiting:
            self._wake(0.0 if stream.answered else PAUSE)


class _Stream:
    """``spent``: it takes nothing new, and says so by ``leave``. ``in_flight`` are frames without an answer."""

    def __init__(self, waiting: deque[_Said], terms: Terms, leave: Callable[[], None]) -> None:
        self._waiting, self._terms, self._leave = waiting, terms, leave
        self.in_flight: OrderedDict[int, list[_Said]] = OrderedDict()
        self.news = asyncio.Event()
        self.spent = self.answered = self._over = False
        self._number = 0

    def retire(self) -> None:
        self.spent = True
        self.news.set()

    async def run(self, stub: stubs.MailboxStub) -> None:
        """Raises the Failure that the stream breaks with; returns when all in flight is answered, or the server ends it."""
        try:
            async with asyncio.timeout(None) as patience:
                call = stub.Deliver(self._frames(patience))
                try:
                    async for response in call:
                        self._answer(response)
                finally:
                    self._over = True
                    self.retire()  # the frames' iterator ends with its stream
                    call.cancel()
        except TimeoutError as cause:
            raise Unavailable("the mailboxes do not answer") from cause

    async def _frames(self, patience: asyncio.Timeout) -> AsyncIterator[pb.DeliverRequest]:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._terms.renew
        while not self.spent:
            if self._waiting and len(self.in_flight) < IN_FLIGHT:
                if frame := self._frame():
                    yield frame
                continue
            self.news.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self.news.wait()
            except TimeoutError:
                self.spent = True
        self._leave()
        if not self._over:
            patience.reschedule(loop.time() + self._terms.deadline)  # for the answers that are still owed

    def _frame(self) -> pb.DeliverRequest | None:
        letters: list[_Said] = []
        octets = 0
        while self._waiting and len(letters) < LETTERS:
            said = self._waiting[0]
            octets += weight(said.letter)
            if letters and octets > FRAME:
                break
            self._waiting.popleft()
            if not said.answers.done():  # its caller has not left
                letters.append(said)
        if not letters:
            return None
        self._number += 1
        self.in_flight[self._number] = letters
        FRAMES.observe(len(letters))
        return pb.DeliverRequest(frame=self._number, letters=[inbound_to(said.letter) for said in letters])

    def _answer(self, response: pb.DeliverResponse) -> None:
        self.answered = True
        frame = self.in_flight.get(response.frame, [])
        if len(response.outcomes) != sum(len(said.letter.copies) for said in frame):
            raise Internal("the mailboxes answered something else")
        at = 0
        for said in frame:
            end = at + len(said.letter.copies)
            if not said.answers.done():
                said.answers.set_result([wire.outcome_from(o) for o in response.outcomes[at:end]])
            at = end
        self.in_flight.pop(response.frame, None)
        self.news.set()


class _Usages:
    """Remembered for some seconds: a quota is not exact to the letter."""

    def __init__(self, stub: stubs.MailboxStub) -> None:
        self._stub = stub
        self._known: OrderedDict[str, tuple[float, Usage]] = OrderedDict()
        self._flights: Flights[tuple[str, ...], None] = Flights()

    async def of(self, accounts: Sequence[str]) -> dict[str, Usage]:
        now = time.monotonic()
        asked = sorted(a for a in set(accounts) if self._known.get(a, (0.0, None))[0] <= now)
        for start in range(0, len(asked), USAGE_ACCOUNTS):
            some = tuple(asked[start : start + USAGE_ACCOUNTS])
            await self._flights.join(some, lambda some=some: self._ask(some))  # type: ignore[misc]
        return {a: self._known[a][1] if a in self._known else Usage() for a in accounts}

    async def _ask(self, accounts: tuple[str, ...]) -> None:
        answer = await self._stub.Usage(pb.UsageRequest(accounts=accounts))
        until = time.monotonic() + USAGE_FOR
        for account in accounts:
            found = answer.usage.get(account)
            self._known[account] = until, wire.usage_from(found) if found is not None else Usage()
            self._known.move_to_end(account)
        while len(self._known) > USAGE_ENTRIES:
            self._known.popitem(last=False)


def _traced(letter: Inbound) -> Inbound:
    if letter.traceparent or not (origin := tracing.traceparent()):
        return letter
    return replace(letter, traceparent=origin)
