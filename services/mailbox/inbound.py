"""Letters in: ``Intake`` implements yubin.mailboxes.deliveries.Deliveries over the store.

A letter is parsed once and goes to each of its accounts with the others of the moment, from whatever stream they came
(group commit). One copy that fails harms no other: its answer is Unavailable or Internal, and it may be said again.
A letter's trace goes on here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from opentelemetry.trace import SpanKind

from services.mailbox import meters
from services.mailbox.storage import Storage, parse
from yubin.errors import Failure, Internal, Unavailable
from yubin.mailboxes.deliveries import Copy, Inbound, object_name
from yubin.mailboxes.port import JUNK, Delivered, NewLetter, Parsed, Usage
from yubin.runtime import faults, tracing
from yubin.runtime.metrics import ERRORS

log = structlog.get_logger()


class Intake:
    """``arrived`` is called when letters were stored: the index has work."""

    def __init__(self, storage: Storage, arrived: Callable[[], None] = lambda: None) -> None:
        self._storage, self._arrived = storage, arrived

    async def deliver(self, letter: Inbound) -> Sequence[Delivered | Failure]:
        began = time.perf_counter()
        with tracing.continued("mailbox.deliver", letter.traceparent, SpanKind.CONSUMER):
            answers = await self._answers(letter)
        meters.DELIVER.observe(time.perf_counter() - began)
        self._count(letter, answers)
        return answers

    async def usage(self, accounts: Sequence[str]) -> Mapping[str, Usage]:
        return await self._storage.mailboxes.usage(accounts)

    async def _answers(self, letter: Inbound) -> list[Delivered | Failure]:
        try:
            parsed = await self._parsed(letter)
        except Exception as cause:  # noqa: BLE001 - becomes the answer for each copy
            failure = _failure(cause)
            return [failure for _ in letter.copies]
        faults.point("mailbox.before_commit")
        if len(letter.copies) == 1:
            return [await self._copy(letter, letter.copies[0], parsed)]
        return await asyncio.gather(*(self._copy(letter, copy, parsed) for copy in letter.copies))

    async def _parsed(self, letter: Inbound) -> Parsed:
        if letter.body is not None:
            if len(letter.body) != letter.size:
                raise Internal("the letter's size is wrong")
            return await parse(letter.body)
        if letter.object != object_name(letter.letter_id):
            raise Internal("the letter's object is not its own")
        async with self._storage.room.take(2 * letter.size):  # the bytes, and what parsing makes of them
            body = await self._storage.whole(None, letter.object)
            if len(body) != letter.size:
                raise Internal("the letter's size is wrong")
            return await parse(body)

    async def _copy(self, letter: Inbound, copy: Copy, parsed: Parsed) -> Delivered | Failure:
        try:
            return await self._storage.deliver(_new(letter, copy, parsed))
        except Exception as cause:  # noqa: BLE001 - the answer for this copy alone
            return _failure(cause)

    def _count(self, letter: Inbound, answers: Sequence[Delivered | Failure]) -> None:
        stored = sum(isinstance(answer, Delivered) and answer.fresh for answer in answers)
        failed = sum(isinstance(answer, Failure) for answer in answers)
        meters.STORED.inc(stored)
        meters.FAILED.inc(failed)
        meters.REPEATED.inc(len(answers) - stored - failed)
        meters.BYTES.inc(stored * letter.size)
        if stored:
            self._arrived()


def _new(letter: Inbound, copy: Copy, parsed: Parsed) -> NewLetter:
    return NewLetter(
        account=copy.account,
        delivery_id=copy.delivery_id,
        letter_id=letter.letter_id,
        body=letter.body,
        object=letter.object,
        size=letter.size,
        sha256=letter.sha256,
        received=letter.received,
        special_use=JUNK if copy.junk else "",
        parsed=parsed,
        traceparent=tracing.followed(),
    )


def _failure(cause: Exception) -> Failure:
    """Deliver has no permanent refusal (DESIGN 4): whatever it is, it may be tried again."""
    if isinstance(cause, Unavailable | Internal):
        return cause
    log.error("A letter could not be delivered for a reason of our own.", action="deliver", exc_info=cause)
    ERRORS.labels("deliver").inc()
    return Internal("internal error")
