"""What a gateway counts. Labels are bounded: protocols, verbs of their tables, outcomes."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from yubin.runtime.metrics import ERRORS, SECONDS

TALLY = 64 * 1024  # octets of one connection that are not counted yet
ERRORS.labels("gateway")  # there from the start, at 0
CONNECTIONS = Gauge("yubin_gateway_connections", "connections that are open", ["protocol"])
ENDED = Counter(
    "yubin_gateway_connections_ended",
    "connections that ended, by what became of them",
    ["protocol", "result"],
)
LOGINS = Counter("yubin_gateway_logins", "logins, by outcome", ["protocol", "outcome"])
_BYTES = Counter("yubin_gateway_bytes", "octets, before TLS", ["protocol", "direction"])
_COMMANDS = Counter(
    "yubin_gateway_commands", "commands, by verb and outcome", ["protocol", "verb", "outcome"]
)
_SECONDS = Histogram(
    "yubin_gateway_seconds", "time of a step of a session", ["protocol", "step"], buckets=SECONDS
)


@cache
def command(protocol: str, verb: str, outcome: str) -> Counter:
    """The child is kept: looking it up costs more than counting."""
    return _COMMANDS.labels(protocol, verb, outcome)


@cache
def octets(protocol: str, direction: str) -> Counter:
    return _BYTES.labels(protocol, direction)


class Tally:
    """Octets of one connection on their way into a counter: by the thousand, since counting costs more than adding."""

    __slots__ = ("_counter", "_octets")

    def __init__(self, counter: Counter) -> None:
        self._counter, self._octets = counter, 0

    def add(self, octets: int) -> None:
        self._octets += octets
        if self._octets >= TALLY:
            self.settle()

    def settle(self) -> None:
        self._counter.inc(self._octets)
        self._octets = 0


@cache
def seconds(protocol: str, step: str) -> Histogram:
    return _SECONDS.labels(protocol, step)
