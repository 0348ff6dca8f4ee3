from __future__ import annotations

import pytest

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
