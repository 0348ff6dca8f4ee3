"""Reading ahead: while one batch or piece is written to the client, the next one is on its way from the mailbox pod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")
_END = object()


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


async def following(pieces: AsyncGenerator[B, None]) -> AsyncGenerator[B, None]:
    """Each piece of a stream, in order; one is read ahead. Whoever may stop early closes it (aclosing)."""
    waiting = asyncio.create_task(_next(pieces))
    try:
        while (piece := await waiting) is not _END:
            waiting = asyncio.create_task(_next(pieces))
            yield piece
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await pieces.aclose()


async def _next(pieces: AsyncGenerator[Any, None]) -> Any:
    return await anext(pieces, _END)
