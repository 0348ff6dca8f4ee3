"""Traces: OTLP when an endpoint is set, otherwise no provider and spans that cost next to nothing.

The reception of a letter is one trace. Its ``traceparent`` (W3C Trace Context) rides in the ledger row and on NATS;
each attempt is a new trace, linked to it, and sampled when it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

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
        TraceIdRatioBased,
    )

    class Linked(Sampler):
        """A root that is linked to a sampled span is sampled; any other by its ratio."""

        chance = TraceIdRatioBased(ratio)

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
            if links:
                if any(link.context.trace_flags.sampled for link in links):
                    return ALWAYS_ON.should_sample(
                        parent_context, trace_id, name, kind, attributes, links, trace_state
                    )
                return SamplingResult(Decision.DROP)
            return self.chance.should_sample(
                parent_context, trace_id, name, kind, attributes, links, trace_state
            )

        def get_description(self) -> str:
            return f"Linked({ratio})"

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
    context = decode(origin)
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
        return NonRecordingSpan(context)
    return _tracer().start_span(name, kind=SpanKind.CLIENT)


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, str | int] | None = None
) -> AbstractContextManager[Span]:
    """A child of the current span. In a letter that is not traced it costs next to nothing: most are not."""
    current = trace.get_current_span()
    if _off() or (current.get_span_context().is_valid and not current.is_recording()):
        return nullcontext(INVALID_SPAN)
    return _tracer().start_as_current_span(name, kind=kind, attributes=attributes)


def begin(name: str) -> Span:
    """The root of a new trace, for a piece of work that is entered several times; its owner ends it."""
    return INVALID_SPAN if _off() else _tracer().start_span(name, context=Context(), kind=SpanKind.SERVER)


def linked(name: str, origin: str, attributes: Mapping[str, str]) -> AbstractContextManager[Span]:
    """A new trace whose root, the consumer of a job, is linked to ``origin``, a traceparent."""
    context = decode(origin)
    if _off():
        return nullcontext(INVALID_SPAN)
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
    return isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
