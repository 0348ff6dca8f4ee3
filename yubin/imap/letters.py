"""The letters of one APPEND or REPLACE while they come (RFC 9051 6.3.12, RFC 3502, RFC 8508); no octet of them is here."""

from __future__ import annotations

from dataclasses import replace

from yubin.imap.commands import append
from yubin.imap.commands import replace as replacement
from yubin.imap.commands.table import LETTERS
from yubin.imap.events import Message, Request
from yubin.imap.flaw import Flaw
from yubin.imap.gathering import Announcement
from yubin.imap.limits import Limits
from yubin.imap.parser import Parser
from yubin.imap.request import Head

Args = append.Args | replacement.Args


class Letters:
    """``left``: octets of the letter under way that have not come. ``sync``: its client waited."""

    def __init__(self, head: Head, args: Args, limits: Limits) -> None:
        self._head, self._args, self._limits = head, args, limits
        self.left = 0
        self.sync = False

    def message(self, p: Parser, found: Announcement) -> Message:
        """The next letter. Raises Flaw."""
        letter = append.append_message(p)
        messages = (*self._args.messages, letter)
        if len(messages) > (self._limits.literals if self._head.name == "APPEND" else 1):
            raise Flaw("The command has too many letters", code="LIMIT")
        self._args = replace(self._args, messages=messages)
        self.left, self.sync = letter.size, found.sync
        return Message(
            tag=self._head.tag,
            name=self._head.name,
            uid=self._head.uid,
            size=letter.size,
            sync=found.sync,
            number=len(messages),
            args_so_far=self._args,
            too_big=letter.size > self._limits.append,
        )

    def behind(self, line: bytes, found: Announcement | None, *, utf8: bool) -> Message | Request:
        """What the line behind a letter says: another letter, or the end of the command. Raises Flaw."""
        p = Parser(line, utf8=utf8)
        if self._args.messages[-1].utf8:
            p.expect(b")", "A parenthesis")
        if found is not None:
            return self.message(p, found)
        p.end()
        return Request(tag=self._head.tag, name=self._head.name, uid=self._head.uid, args=self._args)


def opened(p: Parser, head: Head, limits: Limits, *, logged_in: bool) -> Letters | None:
    """None: what is announced is the mailbox' name. Raises Flaw."""
    args = LETTERS[head.name](p)
    if args is None:
        return None
    if not logged_in:
        raise Flaw("This command needs a login")
    return Letters(head, args, limits)
