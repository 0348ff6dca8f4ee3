"""Octets over HTTP in pieces: a letter that comes, letters that go.

Nothing is held but the piece under way: the next one is asked for when the last one has left, so that a slow client
slows down whoever reads for it. A failure of the first piece is told as any other; of a later one nobody can be told
but by cutting the answer short, which every HTTP client takes for an error. What a refused client still sends is read
and dropped, within bounds: a connection that is closed upon it would take the reason along.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from yubin.errors import Failure, Invalid
from yubin.runtime.metrics import ERRORS

log = structlog.get_logger()
Pieces = AsyncGenerator[bytes, None]
DRAINED = 64 * 1024 * 1024  # octets
DRAIN_FOR = 20.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """An answer; ``size`` in octets where it is known."""

    pieces: Pieces
    size: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def begun(self) -> Pieces:
        """The same pieces, after the first one was seen. Raises what it raises."""
        first = await anext(self.pieces, b"")

        async def pieces() -> Pieces:
            async with contextlib.aclosing(self.pieces):
                yield first
                async for piece in self.pieces:
                    yield piece

        return pieces()


class Body:
    """A request's octets, each piece within ``timeout`` seconds. Raises Invalid for another media type or no length."""

    def __init__(self, request: Request, media: str, timeout: float) -> None:
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != media:
            raise Invalid(f"send octets, with Content-Type: {media}")
        length = request.headers.get("content-length", "")
        if not length.isascii() or not length.isdigit():
            raise Invalid("say how many octets come: Content-Length")
        self.length = int(length[:15])
        self._request, self._timeout = request, timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._request.stream())
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as cause:
                raise Invalid("the request did not arrive in time") from cause
            except ClientDisconnect as cause:
                raise Invalid("the client has left") from cause
            if chunk:
                yield chunk


async def drain(request: Request) -> None:
    """A client that waits for 100 Continue (RFC 9110 10.1.1) sends nothing, and is not asked to."""
    left = DRAINED
    if "expect" in request.headers:
        return
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):  # the last: it has all been read
        async with asyncio.timeout(DRAIN_FOR):
            async for chunk in request.stream():
                left -= len(chunk)
                if left < 0:
                    return


def response(pieces: Pieces, answer: Streamed, status: int, media: str) -> Response:
    headers = dict(answer.headers)
    if answer.size is not None:
        headers["content-length"] = str(answer.size)
    return _Flowing(pieces, status, headers, media_type=media)


class _Flowing(StreamingResponse):
    """A failure in the middle is logged once; the server ends a connection whose answer has no end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except ClientDisconnect:
            return
        except Failure as failure:
            log.warning("An answer was cut short.", action="request", why=str(failure))
        except Exception:
            log.exception("An answer was cut short for a reason of our own.", action="request")
            ERRORS.labels("api").inc()
