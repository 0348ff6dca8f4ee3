"""Who listens where on one machine. Every port is ``port_base`` plus a number that resembles the well-known one."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from yubin.errors import Unavailable
from yubin.up.config import POD_NAMES, Config

LOOPBACK = "127.0.0.1"


NAMES = (
    "submission",
    "submissions",
    "mx",
    "imap",
    "imaps",
    "pop3",
    "pop3s",
    "api",
    "nats",
    "outside_dns",
    "outside_smtp",
)
PUBLIC = NAMES[:8]  # on the address that mail programs and other servers see


@dataclass(frozen=True, kw_only=True)
class PodPorts:
    grpc: int
    health: int
    metrics: int


@dataclass(frozen=True, kw_only=True)
class Ports:
    submission: int
    submissions: int
    mx: int
    imap: int
    imaps: int
    pop3: int
    pop3s: int
    api: int
    nats: int
    outside_dns: int
    outside_smtp: int
    pods: dict[str, PodPorts]

    def named(self) -> dict[str, int]:
        """All of them, for people and for the status file."""
        flat = {name: getattr(self, name) for name in NAMES}
        for pod, ports in self.pods.items():
            flat |= {f"{pod}_{kind}": getattr(ports, kind) for kind in ("grpc", "health", "metrics")}
        return flat


def of(config: Config) -> Ports:
    base = config.port_base
    pods = {
        name: PodPorts(grpc=base + 701 + n, health=base + 801 + n, metrics=base + 901 + n)
        for n, name in enumerate(POD_NAMES)
    }
    return Ports(
        submission=config.submission_port or base + 587,
        submissions=config.submissions_port or base + 465,
        mx=config.mx_port or base + 25,
        imap=config.imap_port or base + 143,
        imaps=config.imaps_port or base + 993,
        pop3=config.pop3_port or base + 110,
        pop3s=config.pop3s_port or base + 995,
        api=config.api_port or base + 443,
        nats=base + 422,
        outside_dns=base + 53,
        outside_smtp=base + 225,
        pods=pods,
    )


def check_free(wanted: dict[str, tuple[str, int]]) -> None:
    """Raises Unavailable, which names each port that somebody else has. ``wanted``: name → (address, port)."""
    taken = [f"{port} ({name})" for name, (host, port) in wanted.items() if not _free(host, port)]
    if taken:
        raise Unavailable(
            f"somebody listens already on port {', '.join(taken)}: end that, or choose others with --port-base"
        )


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
