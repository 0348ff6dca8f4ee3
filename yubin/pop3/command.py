"""What a client may say (RFC 1939 3): a line of octets into a verb and its argument, arguments into numbers.

Every refusal is an ``Invalid``: -ERR, and one more of the bad commands after which the connection is closed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from yubin.errors import Invalid
from yubin.pop3.lines import LINE_LIMIT

NUMBER_LIMIT = 2**31  # CASES H13
_VERB = re.compile(rb"[A-Za-z0-9]{3,8}(?![^ ])")
_COMMAND = re.compile(rb"([A-Za-z0-9]{3,8})(?: ([^\x00-\x1f\x7f]*))?")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")  # no sign, no leading zero


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """``verb`` in upper case; ``argument`` is all behind the first space: a password may have spaces (RFC 1939 7)."""

    verb: str
    argument: str = field(repr=False)


def command(line: bytes) -> Command:
    """One line without its end."""
    read = _COMMAND.fullmatch(line)
    if read is None:
        raise Invalid("A command has no control characters" if _VERB.match(line) else "This is no command")
    word, rest = read.groups(b"")
    verb = word.decode("ascii").upper()
    if len(line) + 2 > LINE_LIMIT and verb != "AUTH":
        raise Invalid("The line is too long")
    try:
        return Command(verb=verb, argument=rest.decode())
    except UnicodeDecodeError as error:
        raise Invalid("A command is ASCII or UTF-8") from error


def nothing(argument: str) -> None:
    """For verbs without an argument."""
    if argument.strip(" "):
        raise Invalid("This command has no argument")


def number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or (value := int(text)) >= NUMBER_LIMIT:
        raise Invalid("A number is wanted")
    return value


def message_number(argument: str) -> int:
    """RFC 1939 3: messages are numbered from 1."""
    value = number(argument.rstrip(" "))
    if not value:
        raise Invalid("Messages are numbered from 1")
    return value


def message_and_lines(argument: str) -> tuple[int, int]:
    """The arguments of TOP (RFC 1939 7): a message number, and a number of lines that may be 0."""
    message, _, lines = argument.rstrip(" ").partition(" ")
    return message_number(message), number(lines)
