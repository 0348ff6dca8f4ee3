"""Calls to the mailbox pods over a few long streams: what is asked in one turn of the loop goes out as one frame.

A call of its own costs gRPC more than a message on an open stream does (docs/decisions/talk.md). A frame goes to
the stream with the least in flight; another is opened when all are busy, up to ``streams``, each at whichever pod the
channel chooses. None is used for longer than ``renew``, so that new pods are found; what was asked on it is still
answered there. A stream that breaks fails what was in flight, as a broken call does. One that its pod ends in order has
not begun what it left unanswered: that is asked once more. A pod of a version before Talk is asked by calls of their
own, for as long as its stream would have lived. Who leaves is not told of to the pod; his answer is dropped.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from itertools import count
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yubin.errors import Failure, Unavailable
from yubin.mailboxes.frames import FRAME
from yubin.mailboxes.talk_stream import TERMS, Asked, Stream, Terms
from yubin.runtime.calls import Asking
from yubin.runtime.deadlines import Deadlines
from yubin.runtime.trailer import failure_from
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

M = TypeVar("M", bound=Message)
LARGEST = FRAME // 2  # octets of a request; a larger one is a call of its own
TRIES = 2  # streams on which a call is asked


class Unspoken(Exception):  # noqa: N818 - no failure of the call: there is another way
    """The pod does not talk, and the method is no call of its own."""


class Talk:
    """One for each channel. ``stub`` is for calls that stream."""

    def __init__(self, channel: grpc.aio.Channel, terms: Terms = TERMS) -> None:
        self.stub = stubs.MailboxStub(channel)
        self._terms = terms
        self._waiting: list[Asked] = []  # of this turn of the loop
        self._streams: list[Stream] = []  # those that take more; the last one was used last
        self._running: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        self._deadlines: Deadlines[Asked] = Deadlines(_late)
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
        asked = Asked(
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

    def _put(self, asked: Asked) -> None:
        if self._closed:
            raise Unavailable("this pod is stopping")
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush, context=self._context)
        self._waiting.append(asked)

    def _flush(self) -> None:
        if waiting := self._waiting:
            self._waiting = []
            self._pick().take(waiting)

    def _pick(self) -> Stream:
        """The one with the least in flight; of those alike the one that was not used for longest."""
        stream = min(self._streams, key=Stream.load, default=None)
        if stream is None or (stream.in_flight and len(self._streams) < self._terms.streams):
            return self._open()
        self._streams.remove(stream)
        self._streams.append(stream)
        return stream

    def _open(self) -> Stream:
        stream = Stream(self._terms, self._streams)
        task = asyncio.get_running_loop().create_task(self._carry(stream), context=self._context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return stream

    async def _carry(self, stream: Stream) -> None:
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

    def _settle(self, stream: Stream, *, ended: bool) -> None:
        """What this stream leaves unanswered."""
        left = list(stream.in_flight.values())
        stream.in_flight.clear()
        for asked in left:
            asked.tries += 1
            if not ended or asked.tries >= TRIES or self._closed:
                asked.fail("the mailboxes are away")
            elif not asked.answer.done():
                self._put(asked)


def _late(asked: Asked) -> None:
    asked.late = True
    asked.fail("the mailboxes do not answer")
    if asked.stream is not None:
        asked.stream.in_flight.pop(asked.number, None)
        asked.stream.retire()  # it has been silent for long


def _unknown(failure: Failure) -> bool:
    error = failure.__cause__
    return isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNIMPLEMENTED
