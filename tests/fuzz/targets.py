"""The targets: each takes octets, and raises when a parser breaks one of its promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.conformance import imap_text
from tests.fuzz import seeds
from tests.unit.imap.talk import events
from yubin.imap import dates, names, sets
from yubin.imap.bodystructure import bodystructure
from yubin.imap.envelope import render
from yubin.imap.events import Broken, Message, Syntax
from yubin.imap.flaw import Flaw
from yubin.imap.request import parse
from yubin.mail import fields, letterhead, mime, structure, words

_LIMITS = {
    "line": 400,
    "literal": 100,
    "before_login": 150,
    "sasl": 250,
    "swallow": 300,
    "append": 200,
    "literals": 5,
}


@dataclass(frozen=True, kw_only=True)
class Target:
    run: Callable[[bytes], None]
    seeds: list[bytes]


def session(octets: bytes) -> None:
    """The Reader says the same at every cut, and nothing that cannot be written on a line."""
    logged_in, refuse = len(octets) % 3 > 0, [1] if len(octets) % 5 == 0 else []
    whole = events(octets, logged_in=logged_in, refuse=refuse, **_LIMITS)
    step = len(octets) % 7 + 1
    cut = [octets[at : at + step] for at in range(0, len(octets), step)]
    assert events(*cut, logged_in=logged_in, refuse=refuse, **_LIMITS) == whole
    for event in whole:
        if isinstance(event, Syntax | Broken):
            assert (event.text + event.code).isprintable()
        if isinstance(event, Syntax):
            assert b" " not in event.tag
            assert event.tag.isascii()
        if isinstance(event, Message):
            assert event.size == event.args_so_far.messages[-1].size
    assert sum(isinstance(event, Broken) for event in whole) <= 1


def command(octets: bytes) -> None:
    """A command is read, or refused by a Flaw."""
    for utf8 in (False, True):
        try:
            said = parse(b"a " + octets, utf8=utf8)
        except Flaw:
            continue
        assert said.args == parse(b"a " + octets, utf8=utf8).args
        hash(said.args)


def name(octets: bytes) -> None:
    """What is read as a name is written back as the same octets."""
    for utf8 in (False, True):
        try:
            read = names.decode(octets, utf8=utf8)
        except Flaw:
            continue
        assert names.encode(read, utf8=utf8 or not octets.isascii()) == octets


def numbers(octets: bytes) -> None:
    """A set means the same as a set of UIDs and as one of sequence numbers."""
    try:
        read = sets.read(octets)
    except Flaw:
        return
    assert list(read.numbers(50)) == [place + 1 for places in read.places(range(1, 51)) for place in places]


def date(octets: bytes) -> None:
    """Nothing is raised."""
    dates.day(octets)
    dates.moment(octets)


def letter(octets: bytes) -> None:
    """BODYSTRUCTURE and ENVELOPE of any letter are answers that a client can read; its packed form is the same tree."""
    part = mime.parse(octets)
    assert structure.unpack(structure.pack(part)) == part
    for extended in (False, True):
        imap_text.parse(bodystructure(part, extended=extended))
    imap_text.parse(render(letterhead.read(fields.read(octets))))
    words.words(octets, part)


TARGETS: Mapping[str, Target] = {
    "session": Target(run=session, seeds=seeds.SESSIONS),
    "command": Target(run=command, seeds=seeds.COMMANDS),
    "name": Target(run=name, seeds=seeds.NAMES),
    "numbers": Target(run=numbers, seeds=seeds.SETS),
    "date": Target(run=date, seeds=seeds.DATES),
    "letter": Target(run=letter, seeds=seeds.LETTERS),
}
