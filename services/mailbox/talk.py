"""The Talk stream: many calls on one stream, each a task of its own, answered as they are done, many to a frame.

What is in hand of a stream is bounded; beyond that it is not read, and gRPC's flow control slows the gateway down. An
answer that nobody takes is in hand too. A stream ends when its client has said all, or when this pod stops: then nothing
more is read, and what was begun is answered, so that what has no answer at the end was never begun. It says so itself, by
a last answer of the number 0, which no ask has: a client that is writing a frame then hears of a break from gRPC, whatever
the status. (A client of the version before passes it over.) A client that leaves
takes his calls with him, as gRPC cancels any call whose client is gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import structlog
from google.protobuf.message import DecodeError, Message

from yubin.errors import Denied, Failure, Internal, Invalid, Unavailable
from yubin.mailboxes.frames import FRAME
from yubin.runtime.calls import DEFAULT_DEADLINE
from yubin.runtime.deadlines import Deadlines
from yubin.runtime.gate import observed
from yubin.runtime.rpc import MESSAGE_LIMIT
from yubin.runtime.trailer import failure_to
from yubin.v1 import mailbox_pb2 as pb

log = structlog.get_logger()
IN_HAND = 256  # of a stream; an ask counts once, and once more for each
UNIT = 16 * 1024  # octets that it brings
LARGEST = MESSAGE_LIMIT - 1024  # octets of an answer
LAST = pb.TalkResponse(answers=[pb.TalkAnswer(number=0)])

# What is asked with each method; what is answered is the handler's.
SPOKEN: Mapping[str, type[Message]] = {
    "AppendWhole": pb.AppendRequest,
    "Compare": pb.CompareRequest,
    "Copy": pb.CopyRequest,
    "CreateMailbox": pb.CreateMailboxRequest,
    "DeleteMailbox": pb.DeleteMailboxRequest,
    "Expunge": pb.ExpungeRequest,
    "GetMailbox": pb.GetMailboxRequest,
    "GetUsage": pb.GetUsageRequest,
    "Lease": pb.LeaseRequest,
    "ListMailboxes": pb.ListMailboxesRequest,
    "Look": pb.ViewRequest,
    "Match": pb.MatchRequest,
    "Release": pb.ReleaseRequest,
    "RenameMailbox": pb.RenameMailboxRequest,
    "Store": pb.StoreRequest,
    "Subscribe": pb.SubscribeRequest,
}
# What not everybody may call who may talk.
UNSPOKEN = frozenset({"Deliver", "Usage", "Forget"})


@dataclass(frozen=True, slots=True)
class _InHand:
    number: int
    weight: int


class Talking:
    """One stream. ``handlers`` has a method for each that is spoken. ``answers`` may be iterated once."""

    def __init__(
        self,
        frames: AsyncIterator[pb.TalkRequest],
        handlers: object,
        context: object,
        stopping: asyncio.Event,
    ) -> None:
        self._frames, self._handlers, self._context, self._stopping = frames, handlers, context, stopping
        self._in_hand: dict[asyncio.Task[pb.TalkAnswer], _InHand] = {}
        self._done: deque[tuple[pb.TalkAnswer, int]] = deque()  # and what each weighs
        self._weight = 0  # of both
        self._room, self._news = asyncio.Event(), asyncio.Event()
        self._deadlines: Deadlines[asyncio.Task[pb.TalkAnswer]] = Deadlines(_leave)
        self._read_all = self._stopped = False
        self._flaw: Failure | None = None

    async def answers(self) -> AsyncIterator[pb.TalkResponse]:
        """Raises Invalid when a frame is larger than may be, behind the answers to those before it."""
        reading = asyncio.create_task(self._read())
        stopping = asyncio.create_task(self._stop(reading))
        try:
            while self._done or self._in_hand or not self._read_all:
                if not self._done:
                    self._news.clear()
                    await self._news.wait()
                    continue
                response, weight = self._frame()
                yield response
                self._weight -= weight
                self._room.set()
            if self._flaw is not None:
                raise self._flaw
            if self._stopped:
                yield LAST
        finally:
            reading.cancel()
            stopping.cancel()
            self._deadlines.close()
            for task in self._in_hand:
                task.cancel()

    async def _stop(self, reading: asyncio.Task[None]) -> None:
        await self._stopping.wait()
        self._stopped = True
        reading.cancel()

    async def _read(self) -> None:
        try:
            async for frame in self._frames:
                if frame.ByteSize() > FRAME:
                    self._flaw = Invalid(f"a frame has at most {FRAME} octets")
                    return
                for ask in frame.asks:
                    while self._weight >= IN_HAND:
                        self._room.clear()
                        await self._room.wait()
                    self._begin(ask)
        except Exception as cause:  # noqa: BLE001 - what gRPC raises when the other side is gone
            log.debug("A stream of calls broke.", action="talk", why=repr(cause))
        finally:
            self._read_all = True
            self._news.set()

    def _begin(self, ask: pb.TalkAsk) -> None:
        task = asyncio.create_task(self._answer(ask))
        weight = 1 + len(ask.request) // UNIT
        self._in_hand[task] = _InHand(ask.number, weight)
        self._weight += weight
        self._deadlines.add(task, ask.deadline or DEFAULT_DEADLINE)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[pb.TalkAnswer]) -> None:
        known = self._in_hand.pop(task)
        self._deadlines.drop(task)
        if task.cancelled():
            late = Unavailable("the mailboxes do not answer")
            answer = pb.TalkAnswer(number=known.number, failure=failure_to(late))
        else:
            answer = task.result()
        self._done.append((answer, known.weight))
        self._news.set()

    async def _answer(self, ask: pb.TalkAsk) -> pb.TalkAnswer:
        try:
            if ask.method in UNSPOKEN:
                raise Denied("this pod may not call that")
            if ask.method not in SPOKEN:
                raise Invalid("no such method is spoken")
            response = await observed("Mailbox." + ask.method, ask.traceparent, self._work(ask))
            return pb.TalkAnswer(number=ask.number, response=response)
        except Failure as failure:
            return pb.TalkAnswer(number=ask.number, failure=failure_to(failure))

    async def _work(self, ask: pb.TalkAsk) -> bytes:
        try:
            request = SPOKEN[ask.method].FromString(ask.request)
        except DecodeError as cause:
            raise Invalid("the request cannot be read") from cause
        message: Message = await getattr(self._handlers, ask.method)(request, self._context)
        response = message.SerializeToString()
        if len(response) > LARGEST:
            raise Internal("an answer is too large")
        return response

    def _frame(self) -> tuple[pb.TalkResponse, int]:
        """And what it weighs."""
        some: list[pb.TalkAnswer] = []
        octets = weights = 0
        while self._done:
            answer, weight = self._done[0]
            octets += len(answer.response)
            if some and octets > FRAME:
                break
            self._done.popleft()
            some.append(answer)
            weights += weight
        return pb.TalkResponse(answers=some), weights


def _leave(task: asyncio.Task[pb.TalkAnswer]) -> None:
    task.cancel()
