"""AUTH (RFC 5034): the dialogue of a SASL mechanism. Without an argument it names them, as older clients expect."""

from __future__ import annotations

import binascii

from yubin.errors import Failure, Invalid, Unauthenticated
from yubin.pop3.dialogue import Dialogue
from yubin.pop3.multiline import END
from yubin.pop3.needs import Steps, Wait
from yubin.pop3.verbs.login import enter, private
from yubin.sasl.mechanism import Challenge, decode
from yubin.sasl.mechanisms import SERVER


def auth(d: Dialogue, argument: str) -> Steps | None:
    private(d)
    name, _, initial = argument.partition(" ")
    if not name:
        d.ok("Mechanisms follow")
        d.write("".join(f"{mechanism}\r\n" for mechanism in d.terms.mechanisms).encode() + END)
        return None
    if name.upper() not in d.terms.mechanisms:
        raise Invalid("This mechanism is not offered")
    return _exchange(d, name.upper(), initial)


def _exchange(d: Dialogue, name: str, initial: str) -> Steps:
    mechanism = SERVER[name]()
    try:
        step = mechanism.respond(decode(initial, initial=True) if initial else None)
        while isinstance(step, Challenge):
            d.write(b"+ " + binascii.b2a_base64(step.octets, newline=False) + b"\r\n")  # RFC 5034 4
            line: bytes = yield Wait.LINE
            step = mechanism.respond(decode(line.decode("ascii", "replace")))
    except Unauthenticated:  # a login that no account can have counts as one that failed
        d.failures += 1
        d.closing = d.failures >= d.terms.login_failures
        raise
    except Failure as failure:
        raise Invalid(failure.text) from failure
    yield from enter(d, step.login, step.password)
