"""The fixed numbers of a reception. Octets and seconds; the defaults are Postfix's, or the RFC's, or those of CASES."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from yubin.dns.inward import Network


@dataclass(frozen=True, kw_only=True)
class Terms:
    hostname: str
    size: int = 50 * 1024 * 1024  # announced with SIZE (RFC 1870)
    recipients: int = 1000  # announced with LIMITS RCPTMAX (RFC 9422)
    tls: ssl.SSLContext | None = None  # STARTTLS is offered when there is one
    mechanisms: tuple[str, ...] = ()  # of SASL; none: AUTH is not offered
    auth_without_tls: bool = False
    smtputf8: bool = True

    banner_delay: float = (
        0  # who talks before the greeting is sent away (CASES E7); 0: no longer than it takes
    )
    proxies: tuple[Network, ...] = ()  # peers whose connections begin with a PROXY header
    proxy_timeout: float = 5

    command_timeout: float = 300  # RFC 5321 4.5.3.2.7
    data_timeout: float = 300
    data_rate: float = 500  # octets a second, least, over a whole letter (CASES E10)
    data_total: float = 3600
    accept_timeout: float = 120  # 451 4.4.5 after that (CASES A12)
    stress_timeout: float = 10  # of a command and of silence in a letter, while nearly full (CASES E10)
    handshake_timeout: float = 30
    linger: float = 10  # for the last reply to leave

    errors: int = 20  # refusals since the last accepted letter, then 421 (CASES E11)
    junk: int = 100  # NOOP, RSET, VRFY, HELP … since the last accepted letter
    connections: int = 5000
    per_address: int = 50  # CASES E12
    held: int = 1024 * 1024 * 1024  # octets of all letters being received
