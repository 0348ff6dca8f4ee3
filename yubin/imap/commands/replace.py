"""REPLACE (RFC 8508): APPEND of one letter in place of another."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.commands.append import Letter, append_message
from yubin.imap.parser import Parser
from yubin.imap.sets import STAR


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    """``number``: a sequence number or a UID; 0 is "*". ``messages``: one."""

    number: int
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
    number = STAR if p.took(b"*") else p.nz_number()
    p.sp()
    if p.announced() is not None:
        return None
    return Args(number=number, mailbox=p.mailbox())
