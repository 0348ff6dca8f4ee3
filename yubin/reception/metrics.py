"""What a reception counts. Labels are bounded: verbs of the table, reply classes, stages."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from yubin.runtime.metrics import SECONDS

OPEN = Gauge("yubin_reception_open_connections", "SMTP connections that are open")
CONNECTIONS = Counter("yubin_reception_connections", "SMTP connections, by what became of them", ["result"])
COMMANDS = Counter(
    "yubin_reception_commands", "SMTP commands, by verb and class of the reply", ["verb", "class"]
)
LETTERS = Counter("yubin_reception_letters", "letters after DATA or BDAT, by class of the reply", ["class"])
OCTETS = Counter("yubin_reception_letter_bytes", "octets of letters received")
HELD = Gauge("yubin_reception_held_bytes", "octets of letters that are being received")
SECONDS_BY_STAGE = Histogram(
    "yubin_reception_seconds", "time of one letter in a stage", ["stage"], buckets=SECONDS
)


@cache
def command(verb: str, reply_class: str) -> Counter:
    """The child is kept: looking it up costs more than counting."""
    return COMMANDS.labels(verb, reply_class)
