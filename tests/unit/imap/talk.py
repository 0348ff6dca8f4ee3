"""A client that says something to a Reader: its events, letters accepted, pieces of letters joined."""

from __future__ import annotations

from collections.abc import Iterable

from yubin.imap.events import Broken, Event, Message, Octets, Request, Syntax
from yubin.imap.limits import Limits
from yubin.imap.reader import Reader
from yubin.imap.request import parse


def reader(*, logged_in: bool = True, **limits: int) -> Reader:
    made = Reader(Limits(**limits))
    made.logged_in = logged_in
    return made


def drain(on: Reader, *, refuse: frozenset[int] = frozenset()) -> list[Event]:
    """``refuse``: numbers of letters that are not wanted."""
    said: list[Event] = []
    while (event := on.next()) is not None:
        if isinstance(event, Octets) and said and isinstance(said[-1], Octets):
            said[-1] = Octets(said[-1].data + event.data)
        else:
            said.append(event)
        if isinstance(event, Message):
            if event.number in refuse or event.too_big:
                on.refuse()
            else:
                on.accept()
    return said


def events(*pieces: bytes, logged_in: bool = True, refuse: Iterable[int] = (), **limits: int) -> list[Event]:
    made, said = reader(logged_in=logged_in, **limits), []
    for piece in pieces:
        made.feed(piece)
        for event in drain(made, refuse=frozenset(refuse)):
            if isinstance(event, Octets) and said and isinstance(said[-1], Octets):
                said[-1] = Octets(said[-1].data + event.data)
            else:
                said.append(event)
    return said


def args(command: bytes, *, utf8: bool = False):
    """What a command without a tag says."""
    return parse(b"a " + command, utf8=utf8).args


def flaw(command: bytes) -> Syntax:
    """How a command without a tag is refused."""
    (said,) = events(b"a " + command + b"\r\n")
    assert isinstance(said, Syntax), said
    assert said.tag == b"a"
    return said


def tags(said: list[Event]) -> list[str]:
    """Events in short."""
    return [
        event.tag.decode() + " " + event.name
        if isinstance(event, Request)
        else event.tag.decode() + " " + event.status + (f" [{event.code.split()[0]}]" if event.code else "")
        if isinstance(event, Syntax)
        else f"BYE [{event.code}]"
        if isinstance(event, Broken)
        else event.data.decode("latin-1")
        if isinstance(event, Octets)
        else type(event).__name__
        for event in said
    ]
