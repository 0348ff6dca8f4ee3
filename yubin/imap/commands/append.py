"""APPEND (RFC 9051 6.3.12): several letters (RFC 3502), literal8 (RFC 3516 4.4), UTF8 (RFC 6855 4).

A letter is never held: the Reader asks for ``opening`` (the mailbox) and then, for each line that ends with the
announcement of a letter, for ``append_message``.
"""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """What is said of a letter. ``received``: Unix seconds, where the client knows. ``binary``: NUL may be in it."""

    size: int
    flags: tuple[str, ...] = ()
    received: float | None = None
    binary: bool = False
    utf8: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    mailbox: str
    messages: tuple[Letter, ...] = ()


def parse(p: Parser) -> Args:
    """A whole command has no letter: such a command ends too early."""
    opening(p)
    append_message(p)
    raise p.expected("A letter as a literal")


def opening(p: Parser) -> Args | None:
    """None: the mailbox' name is itself a literal that is still to come."""
    p.sp()
    if p.announced() is not None:
        return None
    return Args(mailbox=p.mailbox())


def append_message(p: Parser) -> Letter:
    """``SP [flag-list SP] [date-time SP] literal``, up to the announcement."""
    p.sp()
    flags: tuple[str, ...] = ()
    received = None
    if p.sees(b"("):
        flags = p.flag_list()
        p.sp()
    if p.sees(b'"'):
        received = p.date_time()
        p.sp()
    utf8 = p.took(b"UTF8 (")
    announced = p.announced()
    if announced is None:
        raise p.expected("A letter as a literal")
    size, binary = announced
    if utf8 and not binary:
        raise Flaw("UTF8 goes with a literal8")
    return Letter(size=size, flags=flags, received=received, binary=binary, utf8=utf8)
