"""STLS (RFC 2595 4). What was said before holds no longer; what came behind it in clear ends the connection."""

from __future__ import annotations

from yubin.errors import Invalid
from yubin.pop3.command import nothing
from yubin.pop3.dialogue import Dialogue
from yubin.pop3.needs import Steps, Wait


def stls(d: Dialogue, argument: str) -> Steps:
    nothing(argument)
    if d.tls:
        raise Invalid("TLS is active already")
    if not d.terms.stls:
        raise Invalid("STLS is not offered")
    if len(d.lines):  # sent before it could know the reply, perhaps by another
        d.lines.clear()
        d.closing = True
        raise Invalid("Nothing may follow STLS before its reply")
    d.ok("Begin TLS")
    yield Wait.START_TLS
    d.lines.clear()
    d.tls, d.user, d.utf8, d.failures = True, "", False, 0
