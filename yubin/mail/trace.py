"""Our trace field (RFC 5321 4.4): where a letter came in, and under which tracking number.

Whatever the client said of itself stands in it only as far as it is a name or an address literal: nothing a stranger
sends can end the line or a comment. The client's address is left out where a setting asks for that. ``traceparent``
never goes into mail.
"""

from __future__ import annotations

import re

from yubin.mail.date import rfc5322

_SAFE = re.compile(r"[^A-Za-z0-9._:\[\]-]")


def protocol(*, esmtp: bool = True, tls: bool = False, auth: bool = False, utf8: bool = False) -> str:
    """The ``with`` keyword (RFC 3848; RFC 6531 4.3 for UTF8)."""
    if not esmtp:
        return "SMTP"
    return ("UTF8SMTP" if utf8 else "ESMTP") + ("S" if tls else "") + ("A" if auth else "")


def received(  # noqa: PLR0913 - the clauses of the field
    *,
    helo: str,
    address: str | None,
    host: str,
    protocol: str,
    number: str,
    now: float,
    reverse: str = "",
    recipient: str | None = None,
    tls: str = "",
) -> bytes:
    """The field with its line end. ``address`` None hides the client; ``tls`` is a comment like ``TLSv1.3 …``."""
    by = f"by {_name(host)} (Yubin) with {protocol}"
    lines = [by if address is None else f"from {_name(helo)} ({_client(reverse, address)})"]
    if address is not None:
        lines.append(by)
    if tls:
        lines.append(f"(using {_comment(tls)})")
    lines.append(f"id {_name(number)}")
    if recipient is not None and recipient.isprintable() and len(recipient) <= 254:
        lines.append(f"for <{recipient}>")
    folded = "\r\n\t".join(lines)
    return f"Received: {folded};\r\n\t{rfc5322(now)}\r\n".encode()


def _client(reverse: str, address: str) -> str:
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"  # RFC 5321 4.1.3
    return f"{_name(reverse)} {_name(literal)}" if reverse else _name(literal)


def _name(text: str) -> str:
    return _SAFE.sub("", text)[:255] or "unknown"


def _comment(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._ /-]", "", text)[:120]
