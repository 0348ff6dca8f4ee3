"""The Deliver stream: frames in, answers out as they come, at most ``IN_HAND`` frames of a stream at a time.

What is in hand is not read further, so gRPC's flow control slows the sender down. A stream ends when its client has
said all, or when this pod stops: then nothing more is read, and what was read is answered. A client that leaves
changes nothing about letters that are under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from yubin.errors import Failure, Invalid
from yubin.mailboxes import wire
from yubin.mailboxes.deliveries import Deliveries
from yubin.mailboxes.frames import inbound_from
from yubin.v1 import mailbox_pb2 as pb

log = structlog.get_logger()
IN_HAND = 16


class Reader:
    """One stream. ``answers`` may be iterated once."""

    def __init__(
        self, frames: AsyncIterator[pb.DeliverRequest], deliveries: Deliveries, stopping: asyncio.Event
    ) -> None:
        self._frames, self._deliveries, self._stopping = frames, deliveries, stopping
        self._done: asyncio.Queue[pb.DeliverResponse | Failure | None] = asyncio.Queue()
        self._in_hand: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(IN_HAND)

    async def answers(self) -> AsyncIterator[pb.DeliverResponse]:
        """Raises Invalid when a frame cannot be read."""
        reading = asyncio.create_task(self._read())
        stopping = asyncio.create_task(self._stop(reading))
        try:
            while (answer := await self._done.get()) is not None:
                if isinstance(answer, Failure):
                    raise answer
                yield answer
                self._room.release()  # an answer that nobody takes is in hand too
        finally:
            reading.cancel()
            stopping.cancel()

    async def _stop(self, reading: asyncio.Task[None]) -> None:
        await self._stopping.wait()
        reading.cancel()

    async def _read(self) -> None:
        try:
            async for frame in self._frames:
                await self._room.acquire()
                task = asyncio.create_task(self._deliver(frame))
                self._in_hand.add(task)
                task.add_done_callback(self._in_hand.discard)
        except Exception as cause:  # noqa: BLE001 - what gRPC raises when the other side is gone
            log.debug("A stream of letters broke.", action="deliver", why=repr(cause))
        finally:
            if self._in_hand:
                await asyncio.wait(self._in_hand)
            self._done.put_nowait(None)

    async def _deliver(self, frame: pb.DeliverRequest) -> None:
        try:
            self._done.put_nowait(await self._answer(frame))
        except Failure as failure:
            self._done.put_nowait(failure)

    async def _answer(self, frame: pb.DeliverRequest) -> pb.DeliverResponse:
        try:
            letters = [inbound_from(message) for message in frame.letters]
        except ValueError as cause:
            raise Invalid("an id has 16 octets") from cause
        if len(letters) == 1:
            found = [await self._deliveries.deliver(letters[0])]
        else:
            found = await asyncio.gather(*map(self._deliveries.deliver, letters))
        outcomes = [wire.outcome_to(outcome) for outcomes in found for outcome in outcomes]
        return pb.DeliverResponse(frame=frame.frame, outcomes=outcomes)
