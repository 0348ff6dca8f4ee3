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
from typing import Any

import grpc
import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from yubin.errors import Failure, Internal
from yubin.runtime import tracing
from yubin.runtime.metrics import ERRORS, RPC_SERVED, RPC_UNDER_WAY
from yubin.runtime.trailer import trailer

log = structlog.get_logger()
DOMAIN = ".pod.yubin"
Callers = Mapping[str, frozenset[str]]
Work = Callable[[Any, Any], Awaitable[Any]]


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

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(details)
        if handler is None:
            return handler
        service, _, method = details.method.lstrip("/").partition("/")
        allowed = self._allowed(service, method)
        carrier = {k: v for k, v in details.invocation_metadata or () if isinstance(v, str)}
        label = f"{service.rpartition('.')[2]}.{method}"
        work, remake = _kind(handler)

        async def answer(request: Any, context: Any) -> Any:
            if allowed is not None and caller(context) not in allowed:
                RPC_SERVED.labels(label, "PERMISSION_DENIED").observe(0)
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this pod may not call that")
            return await _serve(work, request, context, label, carrier)

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


async def _serve(work: Work, request: Any, context: Any, label: str, carrier: dict[str, str]) -> Any:
    began, status = time.perf_counter(), "OK"
    tracer = trace.get_tracer("yubin.rpc")
    RPC_UNDER_WAY.labels(label).inc()
    try:
        with tracer.start_as_current_span(
            label, context=tracing.parent(carrier), kind=SpanKind.SERVER
        ) as span:
            try:
                return await work(request, context)
            except Failure as failure:
                status = failure.grpc
                span.set_status(Status(StatusCode.ERROR, failure.text))
                raised = failure
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except grpc.aio.AbortError:
                status = "ABORTED"
                raise
            except Exception as cause:  # the gRPC boundary: one of the three places that catch all
                log.exception("A call failed for a reason of our own.", action="rpc", method=label)
                ERRORS.labels("rpc").inc()
                span.record_exception(cause)
                raised, status = Internal("internal error"), "INTERNAL"
        await context.abort(grpc.StatusCode[raised.grpc], raised.text, trailer(raised))
    finally:
        RPC_UNDER_WAY.labels(label).dec()
        RPC_SERVED.labels(label, status).observe(time.perf_counter() - began)
