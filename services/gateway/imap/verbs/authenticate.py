"""AUTHENTICATE (RFC 9051 6.2.2) with any mechanism of yubin.sasl, with or without an initial response (RFC 4959)."""

from __future__ import annotations

import binascii

from services.gateway.imap import auth
from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.session import Session
from yubin.imap import responses
from yubin.imap.commands.authenticate import Args
from yubin.imap.events import Request
from yubin.sasl.mechanism import Credentials
from yubin.sasl.mechanisms import SERVER


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    make = SERVER.get(args.mechanism)
    if make is None:
        raise No("There is no such mechanism")
    auth.allowed(session)
    mechanism, response = make(), args.initial
    while not isinstance(answer := mechanism.respond(response), Credentials):
        response = await _asked(session, answer.octets)
    return await auth.enter(session, answer, "AUTHENTICATE completed")


async def _asked(session: Session, challenge: bytes) -> bytes:
    """Raises BadCommand where the client cancels or says what is no base64 (RFC 9051 6.2.2)."""
    session.write(responses.continuation(binascii.b2a_base64(challenge, newline=False)))
    line = await session.line()
    if line == b"*":
        raise BadCommand("Authentication cancelled")
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error as error:
        raise BadCommand("Not base64") from error
