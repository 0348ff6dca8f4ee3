"""Which DNS servers are asked: from a setting, or those of this machine (resolv.conf(5))."""

from __future__ import annotations

import ipaddress
from pathlib import Path

Server = tuple[str, int]
PORT = 53
RESOLV_CONF = Path("/etc/resolv.conf")
MAX_SERVERS = 8


def parse(text: str) -> tuple[Server, ...]:
    """``127.0.0.1:5353, [::1]:53, 192.0.2.1``; raises ValueError for what is no address."""
    return tuple(_server(item.strip()) for item in text.split(",") if item.strip())[:MAX_SERVERS]


def _server(text: str) -> Server:
    host, port = text, str(PORT)
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not a DNS server: write address:port")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{text!r} is not a DNS server: write an IP address, not a name") from None
    return host, int(port)


def of_this_machine(conf: Path = RESOLV_CONF) -> tuple[Server, ...]:
    """The ``nameserver`` lines; 127.0.0.1 without any, as resolv.conf(5) says."""
    try:
        lines = conf.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found = [words[1] for line in lines if (words := line.split())[:1] == ["nameserver"] and len(words) > 1]
    return tuple((address, PORT) for address in found[:MAX_SERVERS]) or (("127.0.0.1", PORT),)
