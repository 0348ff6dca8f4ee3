"""The client's side of gRPC: a deadline, the trace, the histogram, and failures back in their own form.

One interceptor for each of the four kinds of call; our own, since the contrib ones triple the cost of a call. A unary
call without a deadline gets ``DEFAULT_DEADLINE``; a stream has the one that its caller gives, or none. A failure is
raised where the answer is awaited: for a stream of answers while it is iterated, also after the first of them. Requests
that are streamed are given as an async iterator.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

from yubin.runtime import tracing
from yubin.runtime.metrics import RPC_CALLED
from yubin.runtime.trailer import failure_of

DEFAULT_DEADLINE = 10.0


def interceptors() -> list[grpc.aio.ClientInterceptor]:
    return [Calls(), AnswerStreams(), RequestStreams(), TwoWayStreams()]


class Calls(grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        asked = _Asked(details, DEFAULT_DEADLINE)
        return await asked.answer(await continuation(asked.details, request))


class RequestStreams(grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        asked = _Asked(details, None)
        return _Answered(await asked.answer(await continuation(asked.details, requests)))


class AnswerStreams(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        asked = _Asked(details, None)
        return asked.answers(await continuation(asked.details, request))


class TwoWayStreams(grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        asked = _Asked(details, None)
        return asked.answers(await continuation(asked.details, requests))


class _Asked:
    """One call: its details as they go out, its span, and how it ends."""

    def __init__(self, details: Any, deadline: float | None) -> None:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        self._label = ".".join(method.rpartition(".")[2].split("/"))
        self._began = time.perf_counter()
        # Not made the current one: an iterator's frames run in whichever context iterates.
        self._span: Span = trace.get_tracer("yubin.rpc").start_span(self._label, kind=SpanKind.CLIENT)
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if (context := self._span.get_span_context()).is_valid:
            metadata.add("traceparent", tracing.encode(context))
        self.details = grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=details.timeout if details.timeout is not None else deadline,
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )

    async def answer(self, call: Any) -> Any:
        status, ending = "CANCELLED", _Ending(call)
        try:
            message = await call
            status = "OK"
            return message
        except grpc.aio.AioRpcError as error:
            why = ending.error or error
            status = why.code().name
            raise failure_of(why) from error
        finally:
            self._ended(status)

    async def answers(self, call: Any) -> AsyncIterator[Any]:
        status, ending = "CANCELLED", _Ending(call)  # cancelled: also when nobody wants the rest
        try:
            async for message in call:
                yield message
            status = "OK"
        except grpc.aio.AioRpcError as error:
            why = ending.error or error
            status = why.code().name
            raise failure_of(why) from error
        finally:
            call.cancel()
            self._ended(status)

    def _ended(self, status: str) -> None:
        if status != "OK":
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, status))
        self._span.end()
        RPC_CALLED.labels(self._label, status).observe(time.perf_counter() - self._began)


class _Ending:
    """What the server ended a call with, noted when it comes.

    A write that is under way when a server answers early fails, and gRPC then puts an INTERNAL of its own in place of
    the server's status (grpc/grpc#36066).
    """

    def __init__(self, call: Any) -> None:
        self.error: grpc.aio.AioRpcError | None = None
        call.add_done_callback(self._note)

    def _note(self, call: Any) -> None:
        code = _known(call.code())
        if self.error is None and code not in {None, grpc.StatusCode.OK, grpc.StatusCode.INTERNAL}:
            trailing = _known(call.trailing_metadata()) or grpc.aio.Metadata()
            self.error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, _known(call.details()))


def _known(answer: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns at once; None when it would wait."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    answer.close()
    return None


class _Answered:
    """An answer that has come, in the shape of a call that can be awaited."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def __await__(self) -> Generator[Any, None, Any]:
        return self._message
        yield

    def done(self) -> bool:  # the channel asks
        return True

    def cancel(self) -> bool:
        return False
