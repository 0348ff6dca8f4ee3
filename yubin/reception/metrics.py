"""What a reception counts. Labels are bounded: verbs of the table, reply classes, stages.

Letters are the commands DATA and BDAT: their class is that of the reply behind the last dot.
"""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from yubin.runtime.metrics import SECONDS

OPEN = Gauge("yubin_reception_open_connections", "SMTP connections that are open")
CONNECTIONS = Counter("yubin_reception_connections", "SMTP connections, by what became of them", ["result"])
COMMANDS = Counter(
    "yubin_reception_commands", "SMTP commands, by verb and class of the reply", ["verb", "class"]
)
OCTETS = Counter("yubin_reception_letter_bytes", "octets of letters received")
_STAGES = Histogram("yubin_reception_seconds", "time of one letter in a stage", ["stage"], buckets=SECONDS)
RECEIVE, ACCEPT = _STAGES.labels("receive"), _STAGES.labels("accept")


@cache
def command(verb: str, reply_class: str) -> Counter:
    """The child is kept: looking it up costs more than counting."""
    return COMMANDS.labels(verb, reply_class)
