"""CAPA (RFC 2449 5): what is true now, in this state, on this connection."""

from __future__ import annotations

from collections.abc import Iterator

from yubin.pop3.command import nothing
from yubin.pop3.dialogue import Dialogue, State
from yubin.pop3.multiline import END


def capa(d: Dialogue, argument: str) -> None:
    nothing(argument)
    d.ok("Capability list follows")
    d.write("".join(f"{capability}\r\n" for capability in capabilities(d)).encode("ascii") + END)


def capabilities(d: Dialogue) -> Iterator[str]:
    yield "TOP"
    yield "UIDL"
    if d.secure:  # RFC 2595 2.3
        yield "USER"
        yield f"SASL {' '.join(d.terms.mechanisms)}"
    if d.terms.stls and not d.tls and d.state is State.AUTHORIZATION:
        yield "STLS"  # RFC 2595 4
    yield "UTF8 USER"  # RFC 6856 2
    yield "RESP-CODES"
    yield "AUTH-RESP-CODE"  # RFC 3206 5
    yield "PIPELINING"
    yield "EXPIRE NEVER"  # RFC 2449 6.7: nothing is removed that was not asked for
    yield "IMPLEMENTATION Yubin"
