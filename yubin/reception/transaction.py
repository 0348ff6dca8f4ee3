"""One mail transaction (RFC 5321 3.3): MAIL, RCPT, then DATA or BDAT.

A letter is received whole, within the limits of ``Terms``, before anything is said about it; what is wrong with it is said
behind its real end, and the session goes on.
"""

from __future__ import annotations

import asyncio

from yubin.errors import Exhausted, Failure, Invalid, TooBig, Unavailable
from yubin.reception import metrics
from yubin.reception.conversation import Conversation
from yubin.reception.order import no_argument, sequence
from yubin.reception.policy import Envelope
from yubin.smtp import command, lines

MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "RET", "ENVID"})


async def mail(c: Conversation, argument: str) -> None:
    """RFC 5321 4.1.1.2, RFC 1870 6.1."""
    if c.envelope is not None:
        raise sequence("A transaction is already under way")
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
        raise sequence("MAIL first")
    return c.envelope


def _ready(c: Conversation) -> Envelope:
    envelope = _transaction(c)
    if not envelope.rcpts:
        raise Invalid("No valid recipients", code=554, enhanced="5.5.1")
    return envelope


async def data(c: Conversation, argument: str) -> None:
    """RFC 5321 4.1.1.4. Whatever is wrong with the letter is said behind its real end."""
    no_argument(argument, "DATA")
    envelope = _ready(c)
    if c.chunks is not None:
        raise sequence("BDAT has begun")  # RFC 3030 2
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
    c.within(terms.data_timeout, hasty=True)
    full = False
    while (content := c.incoming.letter(0 if full else limit)) is None:
        held = len(c.incoming)
        await c.more()
        received += len(c.incoming) - held
        full = full or c.full
        elapsed = c.loop.time() - began
        allowed = min(terms.data_timeout + (before + received) / terms.data_rate, terms.data_total)
        c.within(min(allowed - elapsed, terms.data_timeout), hasty=True)
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
