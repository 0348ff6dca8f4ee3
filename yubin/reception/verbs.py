"""The verbs of SMTP, as a table that can be read aloud (RFC 5321 4.1.1, 4.1.4): what must have been said before,
whether a client may send on before it has the reply (RFC 2920 3.1), and who answers.

Each function takes the conversation and the argument; it says its reply, or raises a Failure that is the reply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from yubin.errors import Invalid
from yubin.reception.authentication import auth
from yubin.reception.conversation import Conversation
from yubin.reception.order import no_argument, secure, sequence
from yubin.reception.transaction import bdat, data, mail, rcpt
from yubin.smtp import command

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
    no_argument(argument, "STARTTLS")
    if c.terms.tls is None:
        raise Invalid("STARTTLS is not offered", code=502, enhanced="5.5.1")
    if c.session.tls:
        raise sequence("TLS is already there")
    c.say(220, "2.0.0", "Ready to start TLS")
    await c.start_tls()


# -- the rest ---------------------------------------------------------------------------------------------------------


async def rset(c: Conversation, argument: str) -> None:
    no_argument(argument, "RSET")
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
    no_argument(argument, "QUIT")
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
# What no mail client says: closed at the first line (CASES E8, F3)
STRANGE: Mapping[str, str] = dict.fromkeys(HTTP, "This is SMTP, not HTTP") | {
    "PROXY": "Nobody is trusted to speak for others here",
    "XCLIENT": "Nobody is trusted to speak for others here",
    "XFORWARD": "Nobody is trusted to speak for others here",
}
