"""What the mx counts. ``answer`` and ``outcome`` are from these lists, and there from the start at 0."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from yubin.runtime.metrics import SECONDS as BUCKETS

LETTERS = Counter(
    "yubin_mx_letters",
    "letters behind the last dot: in mailboxes, in part in the ledger, refused for what they are, or not stored",
    ["outcome"],
)
RECIPIENTS = Counter("yubin_mx_recipients", "RCPT commands, by what was answered", ["answer"])
FALLBACK = Counter(
    "yubin_mx_fallback_copies", "copies that went to the ledger since no mailbox confirmed them"
)
SECONDS = Histogram("yubin_mx_seconds", "time of one step", ["step"], buckets=BUCKETS)
LOOKUP, DELIVER, KEEP = (SECONDS.labels(step) for step in ("lookup", "deliver", "keep"))

for _outcome in ("stored", "kept", "refused", "failed"):
    LETTERS.labels(_outcome)
for _answer in ("accepted", "relay", "unknown", "disabled", "moved", "quota", "size", "unavailable"):
    RECIPIENTS.labels(_answer)
