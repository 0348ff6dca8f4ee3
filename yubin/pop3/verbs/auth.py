"""AUTH (RFC 5034): the dialogue of a SASL mechanism. Without an argument it names them, as older clients expect."""

from __future__ import annotations

import binascii
from collections.abc import Generator
from typing import Any

from yubin.errors import Failure, Invalid, Unauthenticated
from yubin.pop3.dialogue import Dialogue
from yubin.pop3.maildrop import Maildrop
from yubin.pop3.multiline import END
from yubin.pop3.needs import Login, Need, Prove, Steps, Wait
from yubin.pop3.verbs.login import entered, failed, private
from yubin.sasl import mechanism as sasl
from yubin.sasl.mechanism import Challenge, Claim, Credentials, decode
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
    told: list[Failure] = []
    try:
        d.maildrop = yield from _driven(
            d, SERVER[name](decode(initial, initial=True) if initial else None), told
        )
    except Failure as failure:
        if failure in told or isinstance(failure, Unauthenticated):  # also what no account can have
            failed(d)
            raise
        raise Invalid(failure.text) from failure
    entered(d)


def _driven(d: Dialogue, steps: sasl.Steps, told: list[Failure]) -> Generator[Need, Any, Maildrop]:
    """``told`` gathers what the world outside has refused."""
    try:
        asked = next(steps)
        while True:
            try:
                answer = yield from _answer(d, asked)
            except Failure as failure:
                told += [] if isinstance(asked, Challenge) else [failure]
                asked = steps.throw(failure)
            else:
                asked = steps.send(answer)
    except StopIteration as end:
        maildrop: Maildrop = end.value
        return maildrop


def _answer(d: Dialogue, asked: Challenge | Claim) -> Generator[Need, Any, Any]:
    if isinstance(asked, Challenge):
        d.write(b"+ " + binascii.b2a_base64(asked.octets, newline=False) + b"\r\n")  # RFC 5034 4
        d.lines.answers = True
        try:
            line: bytes = yield Wait.LINE
        finally:
            d.lines.answers = False
        return decode(line.decode("ascii", "replace"))
    if isinstance(asked, Credentials):
        return (yield Login(login=asked.login, password=asked.password))
    return (yield Prove(claim=asked))
