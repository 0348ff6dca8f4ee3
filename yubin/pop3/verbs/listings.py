"""LIST (RFC 1939 5) and UIDL (RFC 1939 7): of one message, or of all, some thousand lines at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from yubin.pop3.command import message_number
from yubin.pop3.dialogue import Dialogue
from yubin.pop3.maildrop import Maildrop
from yubin.pop3.multiline import END
from yubin.pop3.needs import Steps, Wait

LINES = 2000  # that are made at a time


def scan(maildrop: Maildrop, number: int) -> str:
    """RFC 1939 5: a "scan listing"."""
    return f"{number} {maildrop.size(number)}"


def unique(maildrop: Maildrop, number: int) -> str:
    """RFC 1939 7: a "unique-id listing"."""
    return f"{number} {maildrop.unique_id(number)}"


def list_(d: Dialogue, argument: str) -> Steps | None:
    return _listing(d, argument, scan)


def uidl(d: Dialogue, argument: str) -> Steps | None:
    return _listing(d, argument, unique)


def _listing(d: Dialogue, argument: str, line: Callable[[Maildrop, int], str]) -> Steps | None:
    if not argument.strip(" "):
        return _all(d, line)
    d.ok(line(d.maildrop, d.maildrop.message(message_number(argument))))
    return None


def _all(d: Dialogue, line: Callable[[Maildrop, int], str]) -> Steps:
    d.ok(f"{d.maildrop.count} messages")
    numbers = d.maildrop.numbers()
    while some := list(islice(numbers, LINES)):
        d.write("".join([f"{line(d.maildrop, number)}\r\n" for number in some]).encode("ascii"))
        if len(some) == LINES:
            yield Wait.ROOM
    d.write(END)
