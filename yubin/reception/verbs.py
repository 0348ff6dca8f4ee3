"""The verbs of SMTP, as a table that can be read aloud (RFC 5321 4.1.1, 4.1.4): what must have been said before,
whether a client may send on before it has the reply (RFC 2920 3.1), and who answers.

Each function takes the conversation and the argument; it says its reply, or raises a Failure that is the reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from yubin.errors import Exhausted, Failure, Invalid, TooBig, Unavailable
from yubin.reception import metrics
from yubin.reception.conversation import Conversation
from yubin.reception.policy import Envelope
from yubin.sasl.mechanism import Challenge, decode
from yubin.sasl.mechanisms import SERVER
from yubin.smtp import command, lines

MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "RET", "ENVID"})


def _sequence(text: str) -> Invalid:
    return Invalid(text, code=503, enhanced="5.5.1")


def _no_argument(argument: str, verb: str) -> None:
    if argument:
        raise Invalid(f"{verb} takes no argument")


def secure(c: Conversation) -> bool:
    return bool(c.session.tls) or c.terms.auth_without_tls


# -- greetings --------------------------------------------------------------------------------------------------------


async def helo(c: Conversation, argument: str) -> None:
    await _greet(c, argument, esmtp=False)
    c.say(250, "", c.terms.hostname)


async def ehlo(c: Conversation, argument: str) -> None:
    await _greet(c, argument, esmtp=True)
    c.say(250, "", c.terms.hostname, *extensions(c))


async def _greet(c: Conversation, argument: str, *, esmtp: bool) -> None:
    name = command.helo(argument)
    c.reset()  # RFC 5321 4.1.4: "as if a RSET had been issued"
    c.session.helo, c.session.esmtp = name, esmtp
    await c.policy.helo(c.session)


def extensions(c: Conversation) -> list[str]:
    """RFC 5321 4.1.1.1, one line each."""
    terms = c.terms
    offered = [
        f"SIZE {terms.size}",
        "8BITMIME",
        "PIPELINING",
        "CHUNKING",
        "ENHANCEDSTATUSCODES",
        "DSN",
        f"LIMITS RCPTMAX={terms.recipients}",
    ]
    if terms.smtputf8:
        offered.append("SMTPUTF8")
    if terms.tls is not None and not c.session.tls:
        offered.append("STARTTLS")
    if terms.mechanisms and secure(c) and c.session.identity is None:  # CASES F4: not before TLS
        offered.append("AUTH " + " ".join(terms.mechanisms))
    return offered


async def starttls(c: Conversation, argument: str) -> None:
    """RFC 3207."""
    _no_argument(argument, "STARTTLS")
    if c.terms.tls is None:
        raise Invalid("STARTTLS is not offered", code=502, enhanced="5.5.1")
    if c.session.tls:
        raise _sequence("TLS is already there")
    c.say(220, "2.0.0", "Ready to start TLS")
    await c.start_tls()


# -- AUTH -------------------------------------------------------------------------------------------------------------


async def auth(c: Conversation, argument: str) -> None:
    """RFC 4954 4."""
    name, _, initial = argument.partition(" ")
    if not c.terms.mechanisms or not c.session.esmtp:
        raise Invalid("AUTH is not offered", code=502, enhanced="5.5.1")
    if c.session.identity is not None or c.envelope is not None:
        raise _sequence("Not now")
    if not secure(c):
        raise Invalid("Encryption required for authentication", code=538, enhanced="5.7.11")
    if name.upper() not in c.terms.mechanisms:
        raise Invalid("Unknown mechanism", code=504)
    mechanism = SERVER[name.upper()]()
    step = mechanism.respond(decode(initial, initial=True) if initial else None)
    while isinstance(step, Challenge):
        await c.push(step.line())
        step = mechanism.respond(decode(await _response(c)))
    try:
        c.session.identity = await c.policy.authenticate(c.session, step)
    except Unavailable as failure:  # RFC 4954 6
        raise Unavailable(failure.text, code=454, enhanced="4.7.0") from failure
    c.say(235, "2.7.0", "Authentication successful")


async def _response(c: Conversation) -> str:
    line = await c.line()
    if len(line) + 2 > command.AUTH_LINE_LIMIT:
        raise Invalid("Authentication exchange line is too long", code=500, enhanced="5.5.6")
    return line.decode("ascii", "replace")


# -- a transaction ----------------------------------------------------------------------------------------------------


async def mail(c: Conversation, argument: str) -> None:
    """RFC 5321 4.1.1.2, RFC 1870 6.1."""
    if c.envelope is not None:
        raise _sequence("A transaction is already under way")
    read = command.mail(argument, _mail_parameters(c))
    if read.size is not None and read.size > c.policy.size_limit(c.session):
        raise TooBig("Message size exceeds the limit")
    await c.policy.mail(c.session, read)
    c.envelope = Envelope(mail=read)
    c.say(250, "2.1.0", "Ok")


def _mail_parameters(c: Conversation) -> frozenset[str]:
    if not c.session.esmtp:
        return frozenset()
    more = {"SMTPUTF8"} if c.terms.smtputf8 else set()
    return MAIL_PARAMETERS | more | ({"AUTH"} if c.terms.mechanisms else set())


async def rcpt(c: Conversation, argument: str) -> None:
    """RFC 5321 4.1.1.3; above the limit 452, and those before are kept (4.5.3.1.10)."""
    envelope = _transaction(c)
    if len(envelope.rcpts) >= c.terms.recipients:
        raise Exhausted("Too many recipients")
    offered = command.RCPT_PARAMETERS if c.session.esmtp else frozenset[str]()
    read = command.rcpt(argument, offered, here=c.terms.hostname, utf8=envelope.mail.utf8)
    await c.policy.rcpt(c.session, envelope, read)
    envelope.rcpts.append(read)
    c.say(250, "2.1.5", "Ok")


def _transaction(c: Conversation) -> Envelope:
    if c.envelope is None:
        raise _sequence("MAIL first")
    return c.envelope


def _ready(c: Conversation) -> Envelope:
    envelope = _transaction(c)
    if not envelope.rcpts:
        raise Invalid("No valid recipients", code=554, enhanced="5.5.1")
    return envelope


async def data(c: Conversation, argument: str) -> None:
    """RFC 5321 4.1.1.4. Whatever is wrong with the letter is said behind its real end."""
    _no_argument(argument, "DATA")
    envelope = _ready(c)
    if c.chunks is not None:
        raise _sequence("BDAT has begun")  # RFC 3030 2
    c.incoming.begin()
    c.say(354, "", "End data with <CR><LF>.<CR><LF>")
    with c.booked():
        try:
            content = await _letter(c, envelope)
            if lines.bare(content):
                raise Invalid("Bare CR or LF in the letter", code=550, enhanced="5.5.2")
            await _accept(c, envelope, lines.unstuffed(content))
        finally:
            c.envelope = None


async def _letter(c: Conversation, envelope: Envelope) -> bytes:
    limit = letter_limit(c, envelope)
    began, terms = c.loop.time(), c.terms
    received, before = 0, len(c.incoming)
    c.within(terms.data_timeout)
    full = False
    while (content := c.incoming.letter(0 if full else limit)) is None:
        held = len(c.incoming)
        await c.more()
        received += len(c.incoming) - held
        full = full or c.full
        elapsed = c.loop.time() - began
        allowed = min(terms.data_timeout + (before + received) / terms.data_rate, terms.data_total)
        c.within(min(allowed - elapsed, terms.data_timeout))
    metrics.RECEIVE.observe(c.loop.time() - began)
    metrics.OCTETS.inc(len(content) + c.incoming.lost)
    if full:
        raise Exhausted("Too much mail at once", enhanced="4.3.1")
    if c.incoming.lost:
        raise TooBig("Message size exceeds the limit")
    return content


def letter_limit(c: Conversation, envelope: Envelope) -> int:
    """The session's limit; and who declares a size (RFC 1870) may be wrong, but not by a factor and 64 KiB."""
    limit = c.policy.size_limit(c.session)
    declared = envelope.mail.size
    return limit if not declared else min(limit, 2 * declared + 64 * 1024)


async def _accept(c: Conversation, envelope: Envelope, content: bytes) -> None:
    began = c.loop.time()
    try:
        async with asyncio.timeout(c.terms.accept_timeout):
            text = await c.policy.data(c.session, envelope, content)
    except TimeoutError as error:
        raise Unavailable("Accepting the letter took too long", enhanced="4.4.5") from error
    metrics.ACCEPT.observe(c.loop.time() - began)
    c.errors = c.junk = 0
    c.say(250, "2.0.0", text)


async def bdat(c: Conversation, argument: str) -> None:
    """RFC 3030: so many octets, whatever they are; they are read even when they are refused."""
    chunk = command.bdat(argument)
    limit = c.policy.size_limit(c.session)
    if chunk.size > limit:
        c.closing = True  # reading it to its end would cost more than a new connection
        raise TooBig("Message size exceeds the limit")
    with c.booked():
        try:
            envelope = _ready(c)
        except Failure:
            await _chunk(c, chunk.size, None)
            raise
        c.chunks = bytearray() if c.chunks is None else c.chunks
        try:
            await _chunk(c, chunk.size, c.chunks)
            if c.full:
                raise Exhausted("Too much mail at once", enhanced="4.3.1")
            if len(c.chunks) > letter_limit(c, envelope):
                raise TooBig("Message size exceeds the limit")
            if not chunk.last:
                c.say(250, "2.0.0", f"{chunk.size} octets received")
                return
            content = bytes(c.chunks)
            metrics.OCTETS.inc(len(content))
            if lines.bare(content):
                raise Invalid("Bare CR or LF in the letter", code=550, enhanced="5.5.2")
            await _accept(c, envelope, content)
        except Failure:
            c.reset()
            raise
        c.reset()


async def _chunk(c: Conversation, size: int, into: bytearray | None) -> None:
    c.within(min(c.terms.data_timeout + size / c.terms.data_rate, c.terms.data_total))
    while size:
        piece = c.incoming.take(size)
        size -= len(piece)
        if into is not None:
            into += piece
        if size and not piece:
            await c.more()


# -- the rest ---------------------------------------------------------------------------------------------------------


async def rset(c: Conversation, argument: str) -> None:
    _no_argument(argument, "RSET")
    c.reset()
    c.say(250, "2.0.0", "Ok")


async def noop(c: Conversation, _argument: str) -> None:
    c.say(250, "2.0.0", "Ok")


async def vrfy(c: Conversation, _argument: str) -> None:
    """RFC 5321 7.3: the same for every name (CASES E15)."""
    c.say(252, "2.5.2", "Send some mail, and see")


async def expn(_c: Conversation, _argument: str) -> None:
    raise Invalid("Not implemented", code=502, enhanced="5.5.1")


async def help_(c: Conversation, _argument: str) -> None:
    c.say(214, "2.0.0", "RFC 5321 has it all: " + " ".join(VERBS))


async def quit_(c: Conversation, argument: str) -> None:
    _no_argument(argument, "QUIT")
    c.closing = True
    c.say(221, "2.0.0", "Bye")


class After(IntEnum):
    NOTHING = 0
    HELO = 1


@dataclass(frozen=True, slots=True)
class Verb:
    """``last``: it must end a pipelined group. ``junk``: does nothing for mail, so it may be said only so often."""

    answer: Callable[[Conversation, str], Awaitable[None]]
    after: After = After.NOTHING
    last: bool = False
    junk: bool = False


VERBS: Mapping[str, Verb] = {
    "EHLO": Verb(ehlo, last=True),
    "HELO": Verb(helo, last=True),
    "STARTTLS": Verb(starttls, After.HELO, last=True),
    "AUTH": Verb(auth, After.HELO, last=True),
    "MAIL": Verb(mail, After.HELO),
    "RCPT": Verb(rcpt, After.HELO),
    "DATA": Verb(data, After.HELO, last=True),
    "BDAT": Verb(bdat, After.HELO),
    "RSET": Verb(rset, junk=True),
    "NOOP": Verb(noop, junk=True),
    "VRFY": Verb(vrfy, junk=True),
    "EXPN": Verb(expn, junk=True),
    "HELP": Verb(help_, junk=True),
    "QUIT": Verb(quit_),
}
HTTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"})
