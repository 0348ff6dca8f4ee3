"""The server's side of gRPC: who may call what, and what a call leaves behind.

A pod's identity is the DNS name ``<pod>.pod.yubin`` in its certificate. A caller that a method does not name is refused
(PERMISSION_DENIED) before anything of his is looked at, whichever of the four kinds the method is. Each call has a span,
a histogram, and, when it fails, a failure with a face: a ``Failure`` travels as it is, anything else is logged once
with its cause and arrives as ``Internal``. Streaming handlers are async generators; they are closed in the task that
ran them, so that what they clean up is cleaned up before the call ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import grpc
import structlog
from opentelemetry.trace import Status, StatusCode

from yubin.errors import Failure, Internal
from yubin.runtime import metrics, tracing
from yubin.runtime.trailer import trailer

log = structlog.get_logger()
DOMAIN = ".pod.yubin"
Callers = Mapping[str, frozenset[str]]
Work = Callable[[Any, Any], Awaitable[Any]]
T = TypeVar("T")


def caller(context: Any) -> str:
    """The pod on the other side, "" when it has no identity."""
    for name in context.auth_context().get("x509_subject_alternative_name", ()):
        text: str = name.decode("ascii", "replace")
        if text.endswith(DOMAIN):
            return text.removesuffix(DOMAIN)
    return ""


class Gate(grpc.aio.ServerInterceptor):
    """``callers``: of each service, the pods by method name, "*" for the rest."""

    def __init__(self, callers: dict[str, Callers], *, insecure: bool) -> None:
        self._callers = callers
        self._insecure = insecure
        self._made: dict[str, tuple[Any, Any]] = {}  # by method: its handler, and what stands before it

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(details)
        if handler is None:
            return handler
        known, made = self._made.get(details.method, (None, None))
        if known is not handler:
            made = self._guarded(handler, details.method)
            self._made[details.method] = handler, made
        return made

    def _guarded(self, handler: Any, path: str) -> Any:
        service, _, method = path.lstrip("/").partition("/")
        allowed = self._allowed(service, method)
        label = f"{service.rpartition('.')[2]}.{method}"
        work, remake = _kind(handler)

        async def answer(request: Any, context: Any) -> Any:
            if allowed is not None and caller(context) not in allowed:
                metrics.served(label, "PERMISSION_DENIED").observe(0)
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this pod may not call that")
            try:
                return await observed(label, _origin(context), work(request, context))
            except Failure as failure:
                await context.abort(grpc.StatusCode[failure.grpc], failure.text, trailer(failure))

        return remake(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _allowed(self, service: str, method: str) -> frozenset[str] | None:
        if self._insecure or service not in self._callers:
            return None if self._insecure else frozenset()
        table = self._callers[service]
        return table.get(method, table.get("*", frozenset()))


def _kind(handler: Any) -> tuple[Work, Callable[..., Any]]:
    """The handler's own function as a coroutine, and what makes a handler of that kind again."""
    if handler.unary_unary is not None:
        return handler.unary_unary, grpc.unary_unary_rpc_method_handler
    if handler.stream_unary is not None:
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.unary_stream is not None:
        return _written(handler.unary_stream), grpc.unary_stream_rpc_method_handler
    return _written(handler.stream_stream), grpc.stream_stream_rpc_method_handler


def _written(messages: Callable[[Any, Any], Any]) -> Work:
    """A handler that yields messages, as one that writes them."""

    async def work(request: Any, context: Any) -> None:
        async with aclosing(messages(request, context)) as answers:
            async for answer in answers:
                await context.write(answer)

    return work


async def observed(label: str, origin: str, call: Awaitable[T]) -> T:
    """What ``call`` gives, with its span, a child of ``origin``, and its histogram. Raises Failure, and no other fault."""
    began, status = time.perf_counter(), "OK"
    metrics.under_way(label).inc()
    try:
        with tracing.served(label, origin) as span:
            try:
                return await call
            except Failure as failure:
                status = failure.grpc
                span.set_status(Status(StatusCode.ERROR, failure.text))
                raise
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except grpc.aio.AbortError:
                status = "ABORTED"
                raise
            except Exception as cause:  # the gRPC boundary: one of the three places that catch all
                log.exception("A call failed for a reason of our own.", action="rpc", method=label)
                metrics.ERRORS.labels("rpc").inc()
                span.record_exception(cause)
                status = "INTERNAL"
                raise Internal("internal error") from cause
    finally:
        metrics.under_way(label).dec()
        metrics.served(label, status).observe(time.perf_counter() - began)


def _origin(context: Any) -> str:
    """The traceparent that a call came with, where anybody looks at it."""
    if tracing.on():
        for key, value in context.invocation_metadata() or ():
            if key == "traceparent":
                return value if isinstance(value, str) else ""
    return ""
