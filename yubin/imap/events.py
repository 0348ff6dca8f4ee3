"""What a Reader makes of a client's octets, in the order in which the client sent them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Event:
    """Any of the classes below."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Request(Event):
    """A command. ``name`` in upper case and without ``UID``. ``args``: ``Args`` of yubin.imap.commands.<verb>."""

    tag: bytes
    name: str
    uid: bool = False
    args: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class GoAhead(Event):
    """A literal comes when the client was told ``+``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message(Event):
    """APPEND or REPLACE has a letter of ``size`` octets; the session says ``accept()`` or ``refuse()`` to the Reader.

    ``sync``: the client waits; who accepts says ``+`` to it, who refuses says NO. ``name``, ``uid``: of the command.
    ``number``: 1 for its first letter. ``args_so_far``: this letter is the last of its ``messages``.
    ``too_big``: it is above the limit, and must be refused.
    """

    tag: bytes
    name: str
    uid: bool
    size: int
    sync: bool
    number: int
    args_so_far: Any = field(repr=False)
    too_big: bool = False


@dataclass(frozen=True, slots=True)
class Octets(Event):
    """A piece of the letter that was accepted; the pieces make up its size, then comes the next event of the command."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Syntax(Event):
    """The command cannot be obeyed: tagged BAD. ``tag`` is ``*`` where there is none.

    ``status`` is NO where the grammar is right and the content is not; ``code`` is a response code without brackets.
    """

    tag: bytes
    text: str
    code: str = ""
    status: str = "BAD"


@dataclass(frozen=True, slots=True)
class Line(Event):
    """In raw mode: a line without its end."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Broken(Event):
    """Nothing that follows can be understood: BYE, and the connection is closed."""

    text: str
    code: str = ""
