"""AUTH (RFC 4954): the dialogue of a mechanism over the conversation."""

from __future__ import annotations

from yubin.accounts.exchange import exchange
from yubin.errors import Invalid, Unavailable
from yubin.reception.conversation import Conversation
from yubin.reception.order import secure, sequence
from yubin.sasl.mechanism import Challenge, decode
from yubin.sasl.mechanisms import SERVER
from yubin.smtp import command


async def auth(c: Conversation, argument: str) -> None:
    """RFC 4954 4."""
    name, _, initial = argument.partition(" ")
    if not c.terms.mechanisms or not c.session.esmtp:
        raise Invalid("AUTH is not offered", code=502, enhanced="5.5.1")
    if c.session.identity is not None or c.envelope is not None:
        raise sequence("Not now")
    if not secure(c):
        raise Invalid("Encryption required for authentication", code=538, enhanced="5.7.11")
    if name.upper() not in c.terms.mechanisms:
        raise Invalid("Unknown mechanism", code=504)
    steps = SERVER[name.upper()](decode(initial, initial=True) if initial else None)
    try:
        c.session.identity = await exchange(
            steps, lambda octets: _talk(c, octets), lambda claim: c.policy.authenticate(c.session, claim)
        )
    except Unavailable as failure:  # RFC 4954 6
        raise Unavailable(failure.text, code=454, enhanced="4.7.0") from failure
    c.say(235, "2.7.0", "Authentication successful")


async def _talk(c: Conversation, octets: bytes) -> bytes:
    await c.push(Challenge(octets=octets).line())
    return decode(await _response(c))


async def _response(c: Conversation) -> str:
    line = await c.line()
    if len(line) + 2 > command.AUTH_LINE_LIMIT:
        raise Invalid("Authentication exchange line is too long", code=500, enhanced="5.5.6")
    return line.decode("ascii", "replace")
