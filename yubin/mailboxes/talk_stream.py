"""One stream of Talk, from its first frame to its last answer; remote_talk.py says which of them is asked.

A frame holds what has come since the one before was written. A stream takes asks until it is retired: by its age, by an
answer that is late, by its break. Then its side is closed, and what is in flight is waited for. One whose pod does not know
Talk goes deaf: it stands among the others for as long as it would have lived, and tells who asks to call by himself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from yubin.errors import Failure, Unavailable
from yubin.mailboxes.frames import FRAME
from yubin.runtime.calls import DEFAULT_DEADLINE
from yubin.v1 import mailbox_pb2 as pb
from yubin.v1 import mailbox_pb2_grpc as stubs

ASK = 200  # octets of an ask besides its request


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds: ``deadline`` of a call that names none, ``renew`` a stream's age.

    A server leaves a stream a minute when it ends a connection (yubin.runtime.rpc): ``renew`` and a deadline fit in it.
    """

    deadline: float = DEFAULT_DEADLINE
    renew: float = 45.0
    streams: int = 4


TERMS = Terms()


@dataclass(eq=False, slots=True, kw_only=True)
class Asked:
    """``answer`` None: it has to be a call of its own."""

    number: int
    method: str
    request: bytes = field(repr=False)
    origin: str
    seconds: float
    answer: asyncio.Future[pb.TalkAnswer | None]
    late: bool = False
    tries: int = 0
    stream: Stream | None = None

    def tell(self, answer: pb.TalkAnswer | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, text: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(Unavailable(text))


class Stream:
    """Is among ``open_`` as long as it takes more. ``in_flight`` are asks without an answer, by number."""

    def __init__(self, terms: Terms, open_: list[Stream]) -> None:
        self._terms, self._open = terms, open_
        self.in_flight: dict[int, Asked] = {}
        self._outgoing: deque[Asked] = deque()
        self._news: asyncio.Future[None] | None = None  # somebody waits for what is to be sent
        self._deaf = self._over = self._ended = False
        self._begin()

    def load(self) -> int:
        return len(self.in_flight)

    def take(self, some: Iterable[Asked]) -> None:
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
        """Raises the Failure that the stream breaks with; returns when all in flight is answered, or the server ends it.

        A server that has said that it ends (the number 0) has ended in order, although a frame could not be written any more.
        """
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
        except Failure:
            if not self._ended:
                raise

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
        if answer.number == 0:
            self._ended = True
            self.retire()
        asked = self.in_flight.pop(answer.number, None)
        if asked is not None:
            asked.tell(answer)
