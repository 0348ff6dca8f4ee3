"""One more gateway beside a town's own: another process with the same settings, on ports of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.town import Town, wait
from tests.servers.ports import free_ports

LISTENS = ("IMAP", "IMAPS", "POP3", "POP3S", "GRPC", "HEALTH", "METRICS")
STOP = 60


@contextmanager
def second_gateway(town: Town) -> Iterator[dict[str, int]]:
    """The ports by name: imap, imaps, pop3, pop3s, grpc, health, metrics."""
    raw = Path(f"/proc/{town.pid('gateway')}/environ").read_bytes().split(b"\0")
    environment = dict(item.decode().split("=", 1) for item in raw if item)
    ports = {name.lower(): port for name, port in zip(LISTENS, free_ports(len(LISTENS)), strict=True)}
    environment |= {f"YUBIN_{name}_LISTEN": f"127.0.0.1:{ports[name.lower()]}" for name in LISTENS}
    with (town.state / "log" / "gateway-2.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "services.gateway"],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    try:
        wait(lambda: _listens(ports["imaps"]), 60, "second gateway")
        yield ports
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
