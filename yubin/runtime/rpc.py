"""gRPC between pods: mutual TLS, named callers, failures that cross intact, one span and one histogram for each call.

A pod's identity is the DNS name ``<pod>.pod.yubin`` in its certificate. The server refuses a caller that a method does
not name (PERMISSION_DENIED). A ``Failure`` raised by a handler travels in the trailer ``yubin-failure-bin``; anything
else is logged once with its cause and arrives as ``Internal``. Our own interceptors, since the contrib ones triple
the cost of a call.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from yubin import errors
from yubin.errors import Failure, Internal, Unavailable
from yubin.runtime import tracing
from yubin.runtime.metrics import ERRORS, RPC_CALLED, RPC_SERVED, RPC_UNDER_WAY
from yubin.v1 import failure_pb2

log = structlog.get_logger()
TRAILER = "yubin-failure-bin"
DOMAIN = ".pod.yubin"
DEFAULT_DEADLINE = 10.0
MESSAGE_LIMIT = 4 * 1024 * 1024

Context = grpc.aio.ServicerContext
Callers = Mapping[str, frozenset[str]]

SERVER_OPTIONS = (
    ("grpc.max_connection_age_ms", 90_000),  # with jitter by gRPC: clients find new pods
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.max_concurrent_streams", 1000),
)
CLIENT_OPTIONS = (
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
)


def caller(context: Any) -> str:
    """The pod on the other side, "" when it has no identity."""
    for name in context.auth_context().get("x509_subject_alternative_name", ()):
        text: str = name.decode("ascii", "replace")
        if text.endswith(DOMAIN):
            return text.removesuffix(DOMAIN)
    return ""


class Gate(grpc.aio.ServerInterceptor):
    """Who may call what, and what a call leaves behind: a span, a histogram, a failure with a face."""

    def __init__(self, callers: dict[str, Callers], *, insecure: bool) -> None:
        self._callers = callers
        self._insecure = insecure

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        full = details.method
        service, _, method = full.lstrip("/").partition("/")
        allowed = self._allowed(service, method)
        carrier = {k: v for k, v in details.invocation_metadata or () if isinstance(v, str)}
        inner = handler.unary_unary
        label = f"{service.rpartition('.')[2]}.{method}"

        async def answer(request: Any, context: Any) -> Any:
            if allowed is not None and caller(context) not in allowed:
                RPC_SERVED.labels(label, "PERMISSION_DENIED").observe(0)
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this pod may not call that")
            return await _serve(inner, request, context, label, carrier)

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _allowed(self, service: str, method: str) -> frozenset[str] | None:
        if self._insecure or service not in self._callers:
            return None if self._insecure else frozenset()
        table = self._callers[service]
        return table.get(method, table.get("*", frozenset()))


async def _serve(inner: Any, request: Any, context: Any, label: str, carrier: dict[str, str]) -> Any:
    began, status = time.perf_counter(), "OK"
    tracer = trace.get_tracer("yubin.rpc")
    RPC_UNDER_WAY.labels(label).inc()
    try:
        with tracer.start_as_current_span(
            label, context=tracing.parent(carrier), kind=SpanKind.SERVER
        ) as span:
            try:
                return await inner(request, context)
            except Failure as failure:
                status = failure.grpc
                span.set_status(Status(StatusCode.ERROR, failure.text))
                raised = failure
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


def trailer(failure: Failure) -> tuple[tuple[str, bytes], ...]:
    message = failure_pb2.Failure(
        kind=type(failure).__name__, code=failure.code, enhanced=failure.enhanced, text=failure.text
    )
    return ((TRAILER, message.SerializeToString()),)


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """The failure that a call ended with; a status without a trailer becomes Unavailable or Internal."""
    for key, value in error.trailing_metadata() or ():
        if key == TRAILER:
            try:
                m = failure_pb2.Failure.FromString(value if isinstance(value, bytes) else b"")
            except DecodeError:
                break
            kind = errors.KINDS.get(m.kind, Internal)
            return kind(m.text, code=m.code, enhanced=m.enhanced)
    if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return Unavailable("a service that this needs is away")
    if error.code() == grpc.StatusCode.PERMISSION_DENIED:
        return errors.Denied(error.details() or "not allowed")
    return Internal("internal error")


class Calls(grpc.aio.UnaryUnaryClientInterceptor):
    """The client's side: a deadline, the trace, the histogram, and failures back in their own form."""

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        label = ".".join(method.rpartition(".")[2].split("/"))
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        began, status = time.perf_counter(), "OK"
        with trace.get_tracer("yubin.rpc").start_as_current_span(label, kind=SpanKind.CLIENT):
            if origin := tracing.traceparent():
                metadata.add("traceparent", origin)
            call_details = grpc.aio.ClientCallDetails(
                method=details.method,
                timeout=details.timeout if details.timeout is not None else DEFAULT_DEADLINE,
                metadata=metadata,
                credentials=details.credentials,
                wait_for_ready=details.wait_for_ready,
            )
            try:
                return await (await continuation(call_details, request))
            except grpc.aio.AioRpcError as error:
                status = error.code().name
                raise failure_of(error) from error
            finally:
                RPC_CALLED.labels(label, status).observe(time.perf_counter() - began)


def channel(
    target: str, pod: str, *, ca: Path | None, cert: Path | None, key: Path | None
) -> grpc.aio.Channel:
    """To every instance of ``pod`` behind ``target`` (host:port). Without a CA: in clear, for tests."""
    where = target if "://" in target else f"dns:///{target}"
    if ca is None or cert is None or key is None:
        return grpc.aio.insecure_channel(where, options=CLIENT_OPTIONS, interceptors=[Calls()])
    credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key.read_bytes(), cert.read_bytes())
    options = (*CLIENT_OPTIONS, ("grpc.ssl_target_name_override", pod + DOMAIN))
    return grpc.aio.secure_channel(where, credentials, options=options, interceptors=[Calls()])


def server_credentials(ca: Path, cert: Path, key: Path) -> grpc.ServerCredentials:
    """Mutual TLS; the files are read again for each handshake, so that they can be renewed."""

    def read() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(key.read_bytes(), cert.read_bytes())], ca.read_bytes()
        )

    return grpc.dynamic_ssl_server_credentials(read(), read, require_client_authentication=True)
