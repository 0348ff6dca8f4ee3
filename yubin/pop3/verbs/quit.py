"""QUIT (RFC 1939 4 and 6): after login, the UPDATE state. Only here is anything removed."""

from __future__ import annotations

from yubin.errors import Failure, Unavailable
from yubin.pop3.command import nothing
from yubin.pop3.dialogue import Dialogue, State
from yubin.pop3.needs import Steps, Update


def quit_(d: Dialogue, argument: str) -> Steps | None:
    nothing(argument)
    d.closing = True
    if d.state is State.AUTHORIZATION:
        d.ok("Goodbye")
        return None
    return _update(d)


def _update(d: Dialogue) -> Steps:
    d.state = State.UPDATE
    try:
        yield Update(deleted=tuple(sorted(d.maildrop.deleted)))
    except Failure as failure:  # RFC 1939 6: "some deleted messages not removed"
        raise Unavailable("Some deleted messages were not removed") from failure
    d.ok("Goodbye")
