"""Fresh work on its way in: a pull consumer read through one subscription.

A request asks the server for so many jobs within so many seconds and stays open: jobs come as they are published, and
no further request is made while those open cover the room. So an idle lane costs one request every few seconds, a busy
one a request for each ``room`` jobs (0.008 ms of CPU for a job with its ack; nats-py's ``fetch`` makes a task for each
message: 0.031).

What is ``owed`` is counted down by each job and by the rest that the server reports when a request ends (408, with
Nats-Pending-Messages), and forgotten when the last request must have ended. nats-server 2.9 answers nothing at all
for a consumer that does not exist: a request that ends without a word makes us look.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from yubin.dispatch.codec import read_job
from yubin.dispatch.port import Job, Lane
from yubin.dispatch.streams import OUT

EXPIRES = (0.05, 5.0)  # seconds, least and most
LATE = 1.5  # seconds after its end in which the server reports a request
REFUSED_PAUSE = 0.25  # seconds after a refused request
# With a delay of 1 ms: of several plain NAKs 2.9 hands out the last twice, and the first only after ack_wait.
GIVE_BACK = b'-NAK {"delay": 1000000}'
_PENDING = "Nats-Pending-Messages"


class JetStreamParcel:
    """An ack is a message without an answer: if it is lost, the job comes again and its claim is refused."""

    __slots__ = ("_job", "_lane", "_reply")

    def __init__(self, lane: PullLane, job: Job, reply: str) -> None:
        self._lane, self._job, self._reply = lane, job, reply

    @property
    def job(self) -> Job:
        return self._job

    async def ack(self) -> None:
        await self._lane.say(self._reply, b"")


class PullLane:
    """``missing`` is called when the consumer seems to be gone. ``keep`` is how long a job may wait here unasked."""

    def __init__(
        self,
        lane: Lane,
        *,
        missing: Callable[[], None],
        keep: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{OUT}.{lane.value}"
        self._missing, self._keep, self._clock = missing, keep, clock
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._tokens = count()
        self._open: dict[str, tuple[float, float]] = {}  # token → when sent, when surely over
        self._owed = 0
        self._heard = 0.0
        self._paused = 0.0
        self._here: deque[tuple[float, JetStreamParcel]] = deque()
        self._news = asyncio.Event()

    async def use(self, client: Client) -> None:
        self._inbox = client.new_inbox()
        self._subscription = await client.subscribe(f"{self._inbox}.*", cb=self._received)
        self._client = client
        self._news.set()

    def lose(self) -> None:
        """The connection is gone, and its open requests with it."""
        self._client = None
        self._open.clear()
        self._owed = 0
        self._news.set()

    async def pull(self, room: int, wait: float) -> Sequence[JetStreamParcel]:
        end = self._clock() + wait
        while True:
            if parcels := self._take(room):
                return parcels
            left = end - self._clock()
            if left <= 0 or room <= 0:
                return []
            self._news.clear()
            await self._ask(room, left)
            try:
                async with asyncio.timeout(self._patience(left)):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def say(self, reply: str, word: bytes) -> None:
        """Ack and nak; never raises."""
        if self._client is not None:
            try:
                await self._client.publish(reply, word)
            except (NatsError, OSError):  # it comes again
                return

    async def give_back(self) -> None:
        """Jobs that nobody took go to another pod at once.

        First no more may come: to a request still open the server would give the very job that is handed back.
        """
        if self._client is not None and self._subscription is not None:
            await self._subscription.drain()  # type: ignore[no-untyped-call]
        while self._here:
            _, parcel = self._here.popleft()
            await self.say(parcel._reply, GIVE_BACK)  # noqa: SLF001 - its own parcel

    def _take(self, room: int) -> list[JetStreamParcel]:
        oldest = self._clock() - self._keep
        while self._here and self._here[0][0] < oldest:
            self._here.popleft()  # the server gives it to another soon
        return [self._here.popleft()[1] for _ in range(min(room, len(self._here)))]

    async def _ask(self, room: int, wait: float) -> None:
        """Open a request for what the open ones do not cover."""
        now = self._clock()
        self._forget(now)
        if self._client is None or now < self._paused or self._owed >= room:
            return
        expires = min(max(wait, EXPIRES[0]), EXPIRES[1])
        token, batch = str(next(self._tokens)), room - self._owed
        request = json.dumps({"batch": batch, "expires": int(expires * 1e9)}).encode()
        try:
            await self._client.publish(self._subject, request, reply=f"{self._inbox}.{token}")
        except (NatsError, OSError):  # the link notices by itself
            return
        self._open[token] = (now, now + expires + LATE)
        self._owed += batch

    def _patience(self, left: float) -> float:
        """How long to wait for news before looking again."""
        now = self._clock()
        ends = [end - now for _, end in self._open.values()]
        if now < self._paused:
            ends.append(self._paused - now)
        return max(0.0, min([left, *ends]))

    def _forget(self, now: float) -> None:
        for token in [t for t, (_, end) in self._open.items() if end <= now]:
            sent, _ = self._open.pop(token)
            if self._heard < sent:
                self._missing()
        if not self._open:
            self._owed = 0

    async def _received(self, message: Msg) -> None:
        self._heard = self._clock()
        if message.headers and "Status" in message.headers:
            self._ended(message)
            return
        self._owed = max(0, self._owed - 1)
        job = read_job(message.data)
        if job is None:
            await self.say(message.reply, b"+TERM")
            return
        self._here.append((self._heard, JetStreamParcel(self, job, message.reply)))
        self._news.set()

    def _ended(self, message: Msg) -> None:
        """408: time is up. 404, 409, 503: refused, deleted, moved, missing; ask again after a pause."""
        headers = message.headers or {}
        self._open.pop(message.subject.rpartition(".")[2], None)
        self._owed = max(0, self._owed - int(headers.get(_PENDING, "0"))) if self._open else 0
        if headers["Status"] not in ("100", "408"):
            self._paused = self._clock() + REFUSED_PAUSE
            self._missing()
        self._news.set()
