"""Traces: OTLP when an endpoint is set, otherwise no provider and spans that cost next to nothing.

The reception of a letter is one trace. Its ``traceparent`` (W3C Trace Context) rides in the ledger row and on NATS;
each attempt is a new trace, linked to it, and sampled when it was.

Whether a new trace is collected is drawn here, before anything is made for it: of those that are not, which are nearly
all, each is the same span, ``NOBODYS``, in every pod. So it costs no id, no look at a sampler, and is known by its text.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import Token
from typing import Any, cast

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
)

_made: dict[str, object] = {}  # the provider, and its tracer
_share = [1.0]  # of new traces that are collected
_NOBODYS = SpanContext(trace_id=1, span_id=1, is_remote=True, trace_flags=TraceFlags(0))
NOBODYS = NonRecordingSpan(_NOBODYS)  # of a trace that is not collected
NOBODYS_PARENT = f"00-{1:032x}-{1:016x}-00"
_INSIDE = trace.set_span_in_context(NOBODYS, Context())


def setup(pod: str, instance: str, endpoint: str | None, ratio: float) -> None:
    """Without an endpoint nothing is imported and nothing is recorded."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import (
        ALWAYS_ON,
        Decision,
        ParentBased,
        Sampler,
        SamplingResult,
    )

    class Linked(Sampler):
        """A root that is linked is sampled when the other span was; any other was drawn already (``_drawn``)."""

        def should_sample(
            self,
            parent_context: Context | None,
            trace_id: int,
            name: str,
            kind: SpanKind | None = None,
            attributes: Any = None,
            links: Sequence[Link] | None = None,
            trace_state: Any = None,
        ) -> SamplingResult:
            if links and not any(link.context.trace_flags.sampled for link in links):
                return SamplingResult(Decision.DROP)
            return ALWAYS_ON.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )

        def get_description(self) -> str:
            return f"Linked({ratio})"

    _share[0] = ratio
    resource = Resource.create(
        {"service.name": f"yubin-{pod}", "service.namespace": "yubin", "service.instance.id": instance}
    )
    provider = TracerProvider(resource=resource, sampler=ParentBased(Linked()))
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=not endpoint.startswith("https"))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)


def shutdown() -> None:
    """Send what is still held; at the very end of the process."""
    provider = trace.get_tracer_provider()
    if hasattr(provider, "shutdown"):
        provider.shutdown()


def traceparent() -> str:
    """Of the current span; "" when there is none."""
    context = trace.get_current_span().get_span_context()
    return encode(context) if context.is_valid else ""


def followed() -> str:
    """The same where somebody follows it, else ""."""
    context = trace.get_current_span().get_span_context()
    return encode(context) if context.is_valid and context.trace_flags.sampled else ""


def link(origin: str) -> None:
    """Links the current span to ``origin``, a traceparent or ""."""
    if not origin:
        return
    current = trace.get_current_span()
    if current.is_recording() and (context := decode(origin)) is not None:
        current.add_link(context)


def encode(context: SpanContext) -> str:
    if context is _NOBODYS:
        return NOBODYS_PARENT
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def decode(text: str) -> SpanContext | None:
    """None when it is not a traceparent."""
    parts = text.split("-")
    if len(parts) != 4 or [len(p) for p in parts] != [2, 32, 16, 2]:
        return None
    try:
        trace_id, span_id, flags = int(parts[1], 16), int(parts[2], 16), int(parts[3], 16)
    except ValueError:
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & 1))
    return context if context.is_valid else None


def served(name: str, origin: str) -> AbstractContextManager[Span]:
    """The server's span of a call, for whom failures are told to; ``origin``, a traceparent or "", is its client's."""
    if _off():
        return nullcontext(INVALID_SPAN)
    if origin == NOBODYS_PARENT:
        return _Uncollected()
    context = decode(origin)
    if context is None and not _drawn():
        return _Uncollected()
    if context is not None and not context.trace_flags.sampled:
        return trace.use_span(NonRecordingSpan(context))  # so that nothing below begins a trace
    parent = Context() if context is None else trace.set_span_in_context(NonRecordingSpan(context))
    return _tracer().start_as_current_span(
        name, context=parent, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
    )


def calling(name: str) -> Span:
    """The client's span of a call, a child of the current one; its owner ends it.

    Not made the current one: an iterator's frames run in whichever context iterates.
    """
    if _off():
        return INVALID_SPAN
    current = trace.get_current_span()
    context = current.get_span_context()
    if context.is_valid and not current.is_recording():
        return current if context is _NOBODYS else NonRecordingSpan(context)
    if not context.is_valid and not _drawn():
        return NOBODYS
    return _tracer().start_span(name, kind=SpanKind.CLIENT)


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, str | int] | None = None
) -> AbstractContextManager[Span]:
    """A child of the current span. In a letter that is not traced it costs next to nothing: most are not."""
    if _off():
        return nullcontext(INVALID_SPAN)
    current = trace.get_current_span()
    if not current.get_span_context().is_valid:
        if not _drawn():
            return _Uncollected()
    elif not current.is_recording():
        return nullcontext(INVALID_SPAN)
    return _tracer().start_as_current_span(name, kind=kind, attributes=attributes)


def begin(name: str) -> Span:
    """The root of a new trace, for a piece of work that is entered several times; its owner ends it."""
    if _off():
        return INVALID_SPAN
    return _tracer().start_span(name, context=Context(), kind=SpanKind.SERVER) if _drawn() else NOBODYS


def linked(name: str, origin: str, attributes: Mapping[str, str]) -> AbstractContextManager[Span]:
    """A new trace whose root, the consumer of a job, is linked to ``origin``, a traceparent."""
    context = decode(origin)
    if _off():
        return nullcontext(INVALID_SPAN)
    if context is None and not _drawn():
        return _Uncollected()
    if context is not None and not context.trace_flags.sampled:
        return trace.use_span(NonRecordingSpan(context))  # so that nothing below begins a trace
    return _tracer().start_as_current_span(
        name,
        context=Context(),
        kind=SpanKind.CONSUMER,
        links=[Link(context)] if context else [],
        attributes=attributes,
    )


def continued(name: str, origin: str, kind: SpanKind = SpanKind.INTERNAL) -> AbstractContextManager[Span]:
    """A span of the trace that ``origin``, a traceparent, belongs to; nothing where that is not traced."""
    context = None if _off() else decode(origin)
    if context is None or not context.trace_flags.sampled:
        return nullcontext(INVALID_SPAN)
    parent_span = trace.set_span_in_context(NonRecordingSpan(context))
    return _tracer().start_as_current_span(name, context=parent_span, kind=kind)


class _Uncollected:
    """``NOBODYS`` as the current span, so that nothing below begins a trace."""

    __slots__ = ("_before",)

    def __enter__(self) -> Span:
        self._before: Token[Context] = contexts.attach(_INSIDE)
        return NOBODYS

    def __exit__(self, *_: object) -> None:
        contexts.detach(self._before)


def _drawn() -> bool:
    """Is this new trace collected?"""
    return random.random() < _share[0]  # noqa: S311 - no secret hangs on it


def _tracer() -> Tracer:
    """Of the provider that is set: making one costs more than a span."""
    provider = trace.get_tracer_provider()
    if _made.get("provider") is not provider:
        _made.update(provider=provider, tracer=provider.get_tracer("yubin"))
    return cast("Tracer", _made["tracer"])


def on() -> bool:
    """Somebody collects."""
    return not _off()


def _off() -> bool:
    """No provider was set: nobody collects."""
    return type(trace.get_tracer_provider()) is trace.ProxyTracerProvider  # isinstance would ask an ABC
