"""Calls to the mailbox pods over a few long streams: what is asked in one turn of the loop goes out as one frame.

A call of its own costs gRPC four times what a message on an open stream does (docs/decisions/talk.md). A frame goes to
the stream with the least in flight; another is opened when all are busy, up to ``streams``, each at whichever pod the
channel chooses. None is used for longer than ``renew``, so that new pods are found; what was asked on it is still
answered there. A stream that breaks fails what was in flight, as a broken call does. One that its pod ends in order has
not begun what it left unanswered: that is asked once more. A pod of a version before Talk is asked by calls of their
own, for as long as its stream would have lived. Who leaves is not told of to the pod; his answer is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yubin.errors import Failure, Unavailable
from yubin.mailboxes.frames import FRAME
from yubin.runtime.calls import DEFAULT_DEADLINE, Asking
from yubin.runtime.deadlines import Deadlines
from yubin.runtime.trailer import failure_from
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

M = TypeVar("M", bound=Message)
ASK = 200  # octets of an ask besides its request
LARGEST = FRAME // 2  # octets of a request; a larger one is a call of its own
TRIES = 2  # streams on which a call is asked


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds: ``deadline`` of a call that names none, ``renew`` a stream's age.

    A server leaves a stream a minute when it ends a connection (yubin.runtime.rpc): ``renew`` and a deadline fit in it.
    """

    deadline: float = DEFAULT_DEADLINE
    renew: float = 45.0
    streams: int = 4


class Unspoken(Exception):  # noqa: N818 - no failure of the call: there is another way
    """The pod does not talk, and the method is no call of its own."""


@dataclass(eq=False, slots=True, kw_only=True)
class _Asked:
    """``answer`` None: it has to be a call of its own."""

    number: int
    method: str
    request: bytes = field(repr=False)
    origin: str
    seconds: float
    answer: asyncio.Future[pb.TalkAnswer | None]
    late: bool = False
    tries: int = 0
    stream: _Stream | None = None

    def tell(self, answer: pb.TalkAnswer | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, text: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(Unavailable(text))


class Talk:
    """One for each channel. ``stub`` is for calls that stream."""

    def __init__(self, channel: grpc.aio.Channel, terms: Terms = Terms()) -> None:
        self.stub = stubs.MailboxStub(channel)
        self._terms = terms
        self._waiting: list[_Asked] = []  # of this turn of the loop
        self._streams: list[_Stream] = []  # those that take more; the last one was used last
        self._running: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._deadlines: Deadlines[_Asked] = Deadlines(_late)
        self._context = copy_context()  # a stream belongs to nobody's call, and to nobody's trace
        self._closed = False

    async def call(self, method: str, request: Message, kind: type[M], deadline: float | None = None) -> M:
        """``kind`` is what is answered. Raises Failure, and Unspoken for a method that is no RPC."""
        octets = request.SerializeToString()
        if len(octets) <= LARGEST:
            answer = await self._ask(method, octets, deadline or self._terms.deadline)
            if answer is not None:
                return kind.FromString(answer.response)
        if not hasattr(self.stub, method):
            raise Unspoken(method)
        alone: M = await getattr(self.stub, method)(request, timeout=deadline)
        return alone

    async def close(self) -> None:
        """What was asked is answered, for as long as a call may take; afterwards nothing is taken."""
        self._closed = True
        self._flush()
        for stream in list(self._streams):
            stream.retire()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._terms.deadline)
            for task in late:
                task.cancel()
        self._deadlines.close()

    async def _ask(self, method: str, request: bytes, seconds: float) -> pb.TalkAnswer | None:
        asking, status = Asking("Mailbox." + method), "CANCELLED"
        loop = asyncio.get_running_loop()
        asked = _Asked(
            number=next(self._numbers),
            method=method,
            request=request,
            origin=asking.traceparent,
            seconds=seconds,
            answer=loop.create_future(),
        )
        self._deadlines.add(asked, seconds)
        try:
            self._put(asked)
            answer = await asked.answer
            if answer is not None and answer.HasField("failure"):
                raise failure_from(answer.failure)
            status = "OK" if answer is not None else "UNIMPLEMENTED"
            return answer
        except Failure as failure:
            status = "DEADLINE_EXCEEDED" if asked.late else failure.grpc
            raise
        finally:
            self._deadlines.drop(asked)
            asking.ended(status)

    def _put(self, asked: _Asked) -> None:
        if self._closed:
            raise Unavailable("this pod is stopping")
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush, context=self._context)
        self._waiting.append(asked)

    def _flush(self) -> None:
        if waiting := self._waiting:
            self._waiting = []
            self._pick().take(waiting)

    def _pick(self) -> _Stream:
        """The one with the least in flight; of those alike the one that was not used for longest."""
        stream = min(self._streams, key=_Stream.load, default=None)
        if stream is None or (stream.in_flight and len(self._streams) < self._terms.streams):
            return self._open()
        self._streams.remove(stream)
        self._streams.append(stream)
        return stream

    def _open(self) -> _Stream:
        stream = _Stream(self._terms, self._streams)
        task = asyncio.get_running_loop().create_task(self._carry(stream), context=self._context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return stream

    async def _carry(self, stream: _Stream) -> None:
        """One stream from its beginning to its last answer."""
        ended = False
        try:
            await stream.run(self.stub)
            ended = True
        except Failure as failure:
            if _unknown(failure) and not self._closed:
                stream.go_deaf()
        finally:
            self._settle(stream, ended=ended)

    def _settle(self, stream: _Stream, *, ended: bool) -> None:
        """What this stream leaves unanswered."""
        left = list(stream.in_flight.values())
        stream.in_flight.clear()
        for asked in left:
            asked.tries += 1
            if not ended or asked.tries >= TRIES or self._closed:
                asked.fail("the mailboxes are away")
            elif not asked.answer.done():
                self._put(asked)


class _Stream:
    """Is among ``open_`` as long as it takes more. ``in_flight`` are asks without an answer, by number."""

    def __init__(self, terms: Terms, open_: list[_Stream]) -> None:
        self._terms, self._open = terms, open_
        self.in_flight: dict[int, _Asked] = {}
        self._outgoing: deque[_Asked] = deque()
        self._news: asyncio.Future[None] | None = None  # somebody waits for what is to be sent
        self._deaf = self._over = False
        self._begin()

    def load(self) -> int:
        return len(self.in_flight)

    def take(self, some: Iterable[_Asked]) -> None:
        for asked in some:
            if self._deaf:
                asked.tell(None)
            else:
                asked.stream = self
                self.in_flight[asked.number] = asked
                self._outgoing.append(asked)
        self._wake()

    def retire(self) -> None:
        """It takes nothing more."""
        self._renewal.cancel()
        if self in self._open:
            self._open.remove(self)
        self._wake()

    def go_deaf(self) -> None:
        """Its pod does not know Talk: for the rest of its life it says so to who asks."""
        self._deaf = True
        self._begin()
        self.take(list(self.in_flight.values()))

    async def run(self, stub: stubs.MailboxStub) -> None:
        """Raises the Failure that the stream breaks with; returns when all in flight is answered, or the server ends it."""
        try:
            async with asyncio.timeout(None) as patience:
                call = stub.Talk(self._frames(patience))
                try:
                    async for response in call:
                        for answer in response.answers:
                            self._told(answer)
                finally:
                    self._over = True
                    self.retire()  # the frames' iterator ends with its stream
                    call.cancel()
        except TimeoutError as cause:
            raise Unavailable("the mailboxes do not answer") from cause

    def _begin(self) -> None:
        self._open.append(self)
        self._renewal = asyncio.get_running_loop().call_later(self._terms.renew, self.retire)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _frames(self, patience: asyncio.Timeout) -> AsyncIterator[pb.TalkRequest]:
        loop = asyncio.get_running_loop()
        while not self._over and (self._outgoing or self in self._open):
            if self._outgoing:
                if (frame := self._frame()).asks:
                    yield frame
            else:
                self._news = loop.create_future()
                await self._news
        if not self._over:
            longest = max((asked.seconds for asked in self.in_flight.values()), default=0.0)
            patience.reschedule(loop.time() + longest + self._terms.deadline)  # for what is still owed

    def _frame(self) -> pb.TalkRequest:
        frame, octets = pb.TalkRequest(), 0
        while self._outgoing:
            asked = self._outgoing[0]
            octets += ASK + len(asked.request)
            if octets > FRAME and frame.asks:
                break
            self._outgoing.popleft()
            if asked.answer.done():  # its caller has left
                self.in_flight.pop(asked.number, None)
                continue
            frame.asks.add(
                number=asked.number,
                method=asked.method,
                request=asked.request,
                traceparent=asked.origin,
                deadline=asked.seconds,
            )
        return frame

    def _told(self, answer: pb.TalkAnswer) -> None:
        asked = self.in_flight.pop(answer.number, None)
        if asked is not None:
            asked.tell(answer)


def _late(asked: _Asked) -> None:
    asked.late = True
    asked.fail("the mailboxes do not answer")
    if asked.stream is not None:
        asked.stream.in_flight.pop(asked.number, None)
        asked.stream.retire()  # it has been silent for long


def _unknown(failure: Failure) -> bool:
    error = failure.__cause__
    return isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNIMPLEMENTED
