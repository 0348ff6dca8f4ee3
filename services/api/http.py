"""HTTP around the handlers: who asks, what arrives, what leaves, what is counted.

A handler gets a ``Call`` and returns a struct, or raises a ``Failure``. Everything else happens here, once: the bearer
token, the limit and the deadline of the request's body, JSON (RFC 8259) by msgspec, problem+json (RFC 9457), a span
and a histogram under the route's template. The routes are a table; /v1/openapi.json is made of it. Letters and whole
mailboxes are octets that come and go in pieces, each as fast as the slower side (streams.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from prometheus_client import Gauge, Histogram
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from services.api import streams
from services.api.bodies import In, Nothing, Out
from services.api.problems import problem, unrouted
from services.api.streams import Pieces, Streamed
from services.api.tokens import Principal, Tokens
from yubin.errors import Failure, Internal, Invalid, TooBig, Unauthenticated, Unavailable
from yubin.runtime.metrics import ERRORS, SECONDS

log = structlog.get_logger()
tracer = trace.get_tracer("yubin.api")
REQUESTS = Histogram(
    "yubin_api_seconds", "HTTP requests that were answered", ["method", "route", "status"], buckets=SECONDS
)
UNDER_WAY = Gauge("yubin_api_in_flight", "HTTP requests being answered")
THREAD_ABOVE = 256 * 1024  # octets of JSON that are read beside the event loop


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: ``path`` and ``query`` are decoded; ``body`` is of the route's type, None where it has none.

    ``octets`` are the body of a route that takes a media type, ``length`` as many as there will be.
    """

    principal: Principal
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    octets: AsyncIterable[bytes] | None = None
    length: int = 0


Handler = Callable[[Call], Awaitable[Out | Streamed]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """``status`` of success. ``query`` names the parameters that are understood. The docstring of the handler tells.

    ``takes`` and ``gives`` are media types of a body and of an answer that are octets.
    """

    method: str
    path: str
    handler: Handler
    answer: type[Out] = Nothing
    body: type[In] | None = None
    query: Sequence[str] = ()
    status: int = 200
    takes: str = ""
    gives: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``size`` of one request's body, ``held`` of all under way, octets; ``timeout`` until one is here, seconds."""

    size: int
    held: int
    requests: int
    timeout: float


class Edge:
    """Turns a route into an endpoint."""

    def __init__(self, tokens: Tokens, limits: Limits) -> None:
        self._tokens, self._limits = tokens, limits
        self._held = 0
        self._requests = 0

    def endpoint(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        decoder = msgspec.json.Decoder(route.body) if route.body else None

        async def answer(request: Request) -> Response:
            began, response = time.perf_counter(), problem(Internal("internal error"))
            name = f"{route.method} {route.path}"
            self._requests += 1
            UNDER_WAY.inc()
            try:
                with tracer.start_as_current_span(name, kind=SpanKind.SERVER):
                    response = await self._answer(request, route, decoder, name)
            finally:
                self._requests -= 1
                UNDER_WAY.dec()
                took = time.perf_counter() - began
                REQUESTS.labels(route.method, route.path, str(response.status_code)).observe(took)
            return response

        return answer

    async def _answer(
        self, request: Request, route: Route, decoder: msgspec.json.Decoder[Any] | None, name: str
    ) -> Response:
        try:
            principal = self._tokens.principal(request.headers.get("authorization", ""))
            self._admit()
            _known(request.query_params, route.query)
            body = await self._body(request, decoder) if decoder else None
            octets = streams.Body(request, route.takes, self._limits.timeout) if route.takes else None
            call = Call(
                principal=principal,
                path=request.path_params,
                query=request.query_params,
                headers=request.headers,
                body=body,
                octets=octets,
                length=octets.length if octets else 0,
            )
            answer = await route.handler(call)
            if isinstance(answer, Streamed):
                return await self._streamed(answer, route)
        except Failure as failure:
            if route.takes and not isinstance(failure, Unauthenticated):
                await streams.drain(request)
            if failure.http >= 500:
                log.warning("A request failed.", action="request", route=name, why=str(failure))
            return problem(failure)
        except ClientDisconnect:
            return Response(status_code=400)
        except (
            Exception
        ):  # the edge of HTTP, as the gRPC boundary is for calls: one of the places that catch all
            log.exception("A request failed for a reason of our own.", action="request", route=name)
            ERRORS.labels("api").inc()
            return problem(Internal("internal error"))
        if route.status == 204:
            return Response(status_code=204)
        return Response(msgspec.json.encode(answer), route.status, media_type="application/json")

    async def _streamed(self, answer: Streamed, route: Route) -> Response:
        """Raises what its first piece raises. It is under way until its last one has left."""
        pieces = await answer.begun()

        async def body() -> Pieces:
            self._requests += 1
            UNDER_WAY.inc()
            try:
                async with aclosing(pieces):
                    async for piece in pieces:
                        yield piece
            finally:
                self._requests -= 1
                UNDER_WAY.dec()

        return streams.response(body(), answer, route.status, route.gives)

    def _admit(self) -> None:
        if self._requests > self._limits.requests:
            raise Unavailable("too many requests are under way; try again")

    async def _body(self, request: Request, decoder: msgspec.json.Decoder[Any]) -> Any:
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Invalid("send JSON, with Content-Type: application/json")
        reserved = 0
        try:
            raw = bytearray()
            async with asyncio.timeout(self._limits.timeout):
                async for chunk in request.stream():
                    self._held, reserved = self._held + len(chunk), reserved + len(chunk)
                    self._roomy(reserved)
                    raw += chunk
            if len(raw) > THREAD_ABOVE:
                return await asyncio.to_thread(decoder.decode, raw)
            return decoder.decode(raw)
        except TimeoutError as e:
            raise Invalid("the request did not arrive in time") from e
        except (
            msgspec.DecodeError,
            UnicodeDecodeError,
        ) as e:  # ValidationError is one; names field and reason
            raise Invalid(str(e)) from e
        finally:
            self._held -= reserved

    def _roomy(self, size: int) -> None:
        if size > self._limits.size:
            raise TooBig(f"the request is larger than {self._limits.size} octets")
        if self._held > self._limits.held:
            raise Unavailable("too many large requests are under way; try again")


def application(routes: Sequence[Route], edge: Edge, openapi: bytes) -> Starlette:
    """Everything under one roof; unknown paths and methods get problem+json too."""

    async def document(_: Request) -> Response:
        return Response(openapi, media_type="application/json")

    table = [
        StarletteRoute(route.path, edge.endpoint(route), methods=[route.method], name=route.handler.__name__)
        for route in routes
    ]
    table.append(StarletteRoute("/v1/openapi.json", document, methods=["GET"]))
    return Starlette(routes=table, exception_handlers={HTTPException: _unrouted})


async def _unrouted(request: Request, error: Exception) -> Response:
    found = error if isinstance(error, HTTPException) else HTTPException(500)
    REQUESTS.labels("-", "-", str(found.status_code)).observe(0)
    return unrouted(request, found)


def _known(given: Mapping[str, str], understood: Sequence[str]) -> None:
    for name in given:
        if name not in understood:
            raise Invalid(
                f"the parameter {name[:40]!r} is not known here; known: {', '.join(understood) or 'none'}"
            )


def page(call: Call, most: int = 1000) -> tuple[str, int]:
    """``after`` and ``limit`` of a list; raises Invalid."""
    limit = call.query.get("limit", "100")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= most:
        raise Invalid(f"limit is a number from 1 to {most}")
    return call.query.get("after", ""), int(limit)
