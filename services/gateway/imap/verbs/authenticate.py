"""AUTHENTICATE (RFC 9051 6.2.2) with any mechanism of yubin.sasl, with or without an initial response (RFC 4959)."""

from __future__ import annotations

import binascii

from services.gateway.imap import auth
from services.gateway.imap.replies import BadCommand, No, Reply
from services.gateway.imap.session import Session
from yubin.accounts.port import Identity
from yubin.errors import Failure
from yubin.imap import responses
from yubin.imap.commands.authenticate import Args
from yubin.imap.events import Request
from yubin.sasl.mechanism import Challenge, Claim, Steps
from yubin.sasl.mechanisms import SERVER


async def handle(session: Session, request: Request) -> Reply:
    args: Args = request.args
    if args.mechanism not in session.house.mechanisms:
        raise No("There is no such mechanism")
    auth.allowed(session)
    steps = SERVER[args.mechanism](args.initial)
    return await auth.enter(session, _exchange(session, steps), "AUTHENTICATE completed")


async def _exchange(session: Session, steps: Steps) -> Identity:
    """Until the mechanism knows who it is (yubin.sasl.mechanism)."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await _answer(session, step)
            except Failure as failure:
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        identity: Identity = end.value
        return identity
    finally:
        steps.close()


async def _answer(session: Session, step: Challenge | Claim) -> object:
    if isinstance(step, Challenge):
        return await _asked(session, step.octets)
    return await auth.ask(session, step)


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
