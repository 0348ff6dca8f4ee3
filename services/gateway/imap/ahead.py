"""Reading ahead: while one batch is written to the client, the next one is on its way from the mailbox pod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


def batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), size):
        yield uids[start : start + size]


async def ahead(
    some: Iterable[A], read: Callable[[A], Coroutine[Any, Any, B]]
) -> AsyncGenerator[tuple[A, B], None]:
    """Each batch with what was read for it, in order; one is read ahead. Whoever may stop early closes it (aclosing)."""
    waiting: tuple[A, asyncio.Task[B]] | None = None
    following: asyncio.Task[B] | None = None
    try:
        for batch in some:
            following = asyncio.create_task(read(batch))
            if waiting is not None:
                yield waiting[0], await waiting[1]
            waiting, following = (batch, following), None
        if waiting is not None:
            yield waiting[0], await waiting[1]
    finally:
        left = [task for task in (waiting[1] if waiting else None, following) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
