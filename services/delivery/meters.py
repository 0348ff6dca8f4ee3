"""Metrics of outbound SMTP. ``provider`` is the bounded label of a Route; a stage or reply class is one of a few words."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from yubin.smtp.stage import Stage

OPEN = Gauge("yubin_smtp_client_connections", "connections to mail servers, busy or idle", ["provider"])
OPENED = Counter("yubin_smtp_client_connects", "connections by how opening them went", ["provider", "result"])
REUSED = Counter(
    "yubin_smtp_client_reuses", "transactions on a connection that had carried one before", ["provider"]
)
STALE = Counter("yubin_smtp_client_stale", "kept connections that the peer had closed")
REPLIES = Counter("yubin_smtp_client_replies", "replies by what they answer", ["stage", "digit"])
OCTETS = Counter("yubin_smtp_client_body_bytes", "bytes of letters written behind DATA", ["provider"])
DOUBTS = Counter("yubin_smtp_client_in_doubt", "final dots whose reply never came", ["provider"])
SECONDS = Histogram(
    "yubin_smtp_client_stage_seconds",
    "time spent at each stage of a session",
    ["stage"],
    buckets=(
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
        30,
        60,
        300,
        600,
    ),
)

_seconds = {stage: SECONDS.labels(stage.value) for stage in Stage}
_replies = {
    (stage, digit): REPLIES.labels(stage.value, str(digit)) for stage in Stage for digit in range(2, 6)
}


def spent(stage: Stage, seconds: float) -> None:
    _seconds[stage].observe(seconds)


def replied(stage: Stage, digit: int, count: int = 1) -> None:
    _replies[stage, digit].inc(count)
