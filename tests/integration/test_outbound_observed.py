"""What can be seen of outbound SMTP, what it costs in memory, and the sink as a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import smtplib
import sys
import tracemalloc

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from tests.integration.outbound import BODY, claim, content, only, outbound, route
from tests.servers.smtp_sink import Do, sink_thread
from yubin import ids
from yubin.queue.port import Outcome


@pytest.fixture
def spans(monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_transaction_is_a_span(smtp_sink, spans):
    """Each transaction is a span with the peer's name, the tracking number and the reply."""
    sink = await smtp_sink(script={"rcpt": ["550 5.1.1 no"]})
    letter = claim()
    async with outbound(sink.port) as out:
        await out.deliver(letter)
        await out.deliver(letter)
    first, second = spans.get_finished_spans()
    assert first.name == second.name == "smtp.transaction"
    assert second.attributes["net.peer.name"] == "mx0.theirs.test"
    assert second.attributes["yubin.message"] == ids.number(letter.message.id)
    assert second.attributes["smtp.reply"] == 250


async def test_metrics_move_with_bounded_labels(smtp_sink):
    """Connections, reuse, replies, bytes, stages and doubts are counted; no label names a host or a domain."""
    sink = await smtp_sink(script={"dot": [None, None, Do(close=True)]})
    before = {
        name: sample(name, **labels)
        for name, labels in (
            ("yubin_smtp_client_reuses_total", {"provider": "other"}),
            ("yubin_smtp_client_body_bytes_total", {"provider": "other"}),
            ("yubin_smtp_client_in_doubt_total", {"provider": "other"}),
        )
    }
    open_before = sample("yubin_smtp_client_connections", provider="other")
    dots = sample("yubin_smtp_client_replies_total", stage="dot", digit="2")
    waits = sample("yubin_smtp_client_stage_seconds_count", stage="dot")
    async with outbound(sink.port) as out:
        await out.deliver()
        assert sample("yubin_smtp_client_connections", provider="other") == open_before + 1
        await out.deliver()
        await out.deliver()
    assert (
        sample("yubin_smtp_client_reuses_total", provider="other")
        == before["yubin_smtp_client_reuses_total"] + 2
    )
    moved = (
        sample("yubin_smtp_client_body_bytes_total", provider="other")
        - before["yubin_smtp_client_body_bytes_total"]
    )
    assert moved == 3 * len(BODY)
    assert (
        sample("yubin_smtp_client_in_doubt_total", provider="other")
        == before["yubin_smtp_client_in_doubt_total"] + 1
    )
    assert sample("yubin_smtp_client_replies_total", stage="dot", digit="2") == dots + 2
    assert sample("yubin_smtp_client_stage_seconds_count", stage="dot") == waits + 2
    assert sample("yubin_smtp_client_connections", provider="other") == open_before
    for family in REGISTRY.collect():
        if family.name.startswith("yubin_smtp_client"):
            names = {name for each in family.samples for name in each.labels}
            assert names <= {"provider", "result", "stage", "digit", "le"}


async def start(*arguments: str) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.smtp_sink", *arguments, stdout=asyncio.subprocess.PIPE
    )
    return process, int(await process.stdout.readline())


async def stop(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()
    process._transport.close()


@pytest.mark.parametrize(
    "junk",
    ["250-" + "x" * 1_000_000, "250-more\r\n" * 100_000, "250-" + "\0" * 500_000],
    ids=["line", "endless", "nul"],
)
async def test_junk_costs_less_than_a_megabyte(tmp_path, junk):
    """CASES C8: what a 1 MB reply takes in our process stays below 1 MB."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"ehlo": junk, "helo": junk}))
    process, port = await start("--script", str(script))
    try:
        async with outbound(port) as out:
            await out.deliver()
            tracemalloc.start()
            result = await out.deliver()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    finally:
        await stop(process)
    assert (only(result).outcome, only(result).enhanced) == (Outcome.PENDING, "4.5.0")
    assert peak < 1_000_000


async def test_large_letter_is_never_held_twice(tmp_path):
    """A 20 MB letter is written in chunks: the client needs a small part of its size beside it."""
    process, port = await start()
    body = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 280_000
    try:
        async with outbound(port) as out:
            what = content(body)
            tracemalloc.start()
            result = await out.deliver(None, what)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    finally:
        await stop(process)
    assert only(result).outcome is Outcome.DELIVERED
    assert peak < 2_000_000


async def test_sink_process_logs_what_it_accepted(tmp_path):
    """The sink as a process writes a JSON line for each accepted letter, before it answers."""
    log = tmp_path / "letters.jsonl"
    process, port = await start("--log", str(log))
    try:
        async with outbound(port) as out:
            await out.deliver(way=route(["127.0.0.1"]))
            lines = log.read_text().splitlines()
    finally:
        await stop(process)
    (line,) = map(json.loads, lines)
    assert line["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert line["message_id"] == "<1@ours.test>"
    assert (line["mail_from"], line["rcpts"]) == ("a@ours.test", ["b@theirs.test"])


def test_sink_speaks_smtp_with_another_client():
    """The sink in a thread takes a letter from Python's smtplib, so that our client is not its only witness."""
    scripted = sink_thread(script={"rcpt": ["550 5.1.1 no"]})
    with scripted as sink, smtplib.SMTP(sink.address, sink.port, timeout=5) as client:
        refused = client.sendmail("a@ours.test", ["no@theirs.test", "b@theirs.test"], BODY + b".dot\r\n")
    assert refused == {"no@theirs.test": (550, b"5.1.1 no")}
    assert [letter.body for letter in sink.letters] == [BODY + b".dot\r\n"]
    assert (sink.now, sink.peak, sink.connections) == (0, 1, 1)
