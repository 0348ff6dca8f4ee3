from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from yubin.runtime import tracing


def test_a_traceparent_survives_the_road():
    """What is written into the ledger is read back as the same span."""
    text = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    context = tracing.decode(text)
    assert context is not None
    assert context.trace_flags.sampled
    assert tracing.encode(context) == text


@pytest.mark.parametrize(
    "text", ["", "x", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "00-zz-bb-01", "a-b-c-d-e"]
)
def test_what_is_not_a_traceparent_is_none(text):
    """A stranger's text in that place costs nothing."""
    assert tracing.decode(text) is None


def test_without_a_provider_there_is_no_traceparent():
    """No endpoint, no trace."""
    assert tracing.traceparent() == ""


@pytest.fixture
def spans(monkeypatch):
    """A provider that samples everything, and what it recorded."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


def test_an_attempt_is_linked_to_its_reception(spans):
    """A new trace whose root is linked to the reception's span."""
    origin = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    with tracing.linked("delivery.fresh", origin, {"yubin.message": "M"}), tracing.span("ledger.claim"):
        pass
    child, root = spans.get_finished_spans()
    assert format(root.links[0].context.trace_id, "032x") == "a" * 32
    assert root.context.trace_id != root.links[0].context.trace_id
    assert child.parent.span_id == root.context.span_id


def test_a_letter_that_is_not_traced_begins_no_trace(spans):
    """Its attempt, and all below it, records nothing, whatever the ratio."""
    origin = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"
    with tracing.linked("delivery.fresh", origin, {}), tracing.span("ledger.claim"):
        assert tracing.traceparent() == origin
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("sampled", ["01", "00"])
def test_a_trace_goes_on_in_another_pod(spans, sampled):
    """A child of the span that the letter brought along, when that is traced; otherwise nothing at all."""
    with tracing.continued("mailbox.deliver", "00-" + "a" * 32 + "-" + "b" * 16 + "-" + sampled):
        pass
    found = [
        (format(s.context.trace_id, "032x"), format(s.parent.span_id, "016x"))
        for s in spans.get_finished_spans()
    ]
    assert found == ([("a" * 32, "b" * 16)] if sampled == "01" else [])


def test_a_call_is_one_trace_on_both_sides(spans):
    """The client's span is a child of who asks, the server's of the client's, and what it does of the server's."""
    with tracing.span("command"):
        call = tracing.calling("Mailbox.Store")
        origin = tracing.encode(call.get_span_context())
        call.end()
    with tracing.served("Mailbox.Store", origin), tracing.span("work"):
        pass
    client, command, work, server = spans.get_finished_spans()
    assert client.parent.span_id == command.context.span_id
    assert server.parent.span_id == client.context.span_id
    assert work.parent.span_id == server.context.span_id
    assert (client.kind, server.kind) == (trace.SpanKind.CLIENT, trace.SpanKind.SERVER)


def test_a_call_that_nobody_follows_begins_no_trace_on_the_other_side(spans):
    """Neither span is recorded, nor what is done below; one without an origin is a root."""
    origin = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"
    with tracing.linked("command", origin, {}):
        call = tracing.calling("Mailbox.Store")
        told = tracing.encode(call.get_span_context())
        call.end()
    with tracing.served("Mailbox.Store", told), tracing.span("work"):
        pass
    assert spans.get_finished_spans() == ()
    with tracing.served("Mailbox.Store", ""):
        pass
    (root,) = spans.get_finished_spans()
    assert root.parent is None


def test_a_trace_that_was_not_drawn_is_collected_nowhere(spans, monkeypatch):
    """Whatever begins it, and whatever is done below it, here and in the pod that is asked."""
    monkeypatch.setattr(tracing, "_share", [0.0])
    with tracing.span("command"), tracing.span("work"):
        call = tracing.calling("Mailbox.Store")
        told = tracing.encode(call.get_span_context())
        call.end()
    for began in (told, ""):
        with tracing.served("Mailbox.Store", began), tracing.span("work"):
            assert tracing.followed() == ""
    with tracing.linked("job", "", {}), tracing.span("work"):
        pass
    tracing.begin("mx.transaction").end()
    tracing.calling("Mailbox.Store").end()
    assert spans.get_finished_spans() == ()


def test_a_trace_that_was_not_drawn_is_known_to_every_version(spans, monkeypatch):
    """Its traceparent is one like any other, so that a pod of the version before begins nothing either."""
    monkeypatch.setattr(tracing, "_share", [0.0])
    with tracing.span("command"):
        told = tracing.traceparent()
    assert tracing.traceparent() == ""
    context = tracing.decode(told)
    assert context is not None
    assert not context.trace_flags.sampled
    assert told == tracing.NOBODYS_PARENT == tracing.encode(context)
    assert spans.get_finished_spans() == ()


def test_an_attempt_is_collected_when_its_reception_was(spans, monkeypatch):
    """What is linked is not drawn again."""
    monkeypatch.setattr(tracing, "_share", [0.0])
    with tracing.linked("delivery.fresh", "00-" + "a" * 32 + "-" + "b" * 16 + "-01", {}):
        pass
    (root,) = spans.get_finished_spans()
    assert root.name == "delivery.fresh"
