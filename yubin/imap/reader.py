"""A client's octets as events, the same at every cut of the network (RFC 9051 2.2.1, 4.3; RFC 7888).

What ends a command is decided here and by one rule alone: a line that does not end with the announcement of a literal,
``{n}`` or ``{n+}``. So a literal is never read as commands, whatever was wrong with the command that it belongs to: behind a
flaw the rest of the command is swallowed, up to a bound. Only then comes the grammar (yubin.imap.request).

    line ─┬─ no literal ──────→ Request or Syntax
          ├─ {n} of a string ─→ GoAhead; its octets are held; line again
          ├─ {n} of a letter ─→ Message; accept(): Octets …; then the next letter, or Request
          │                              refuse(): the session answers NO; a {n+} is swallowed, no more events
          └─ flaw ────────────→ Syntax; {n+} is swallowed, and what follows it

``next`` gives the events one by one, so that what a session does with one (log in, ENABLE, STARTTLS) holds for the octets
that came with it. Held are the command under way (Limits) and what was fed and not yet asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from yubin.imap import request
from yubin.imap.commands import append
from yubin.imap.commands import replace as replacement
from yubin.imap.commands.table import LETTERS
from yubin.imap.events import Broken, Event, GoAhead, Line, Message, Octets, Request, Syntax
from yubin.imap.flaw import Flaw
from yubin.imap.gathering import TAIL, Announcement, Gathering, announcement
from yubin.imap.held import Held
from yubin.imap.limits import TAG, Limits
from yubin.imap.parser import Parser
from yubin.imap.request import Head

__all__ = ["Broken", "Event", "GoAhead", "Line", "Message", "Octets", "Reader", "Request", "Syntax"]

Args = append.Args | replacement.Args
Done = (
    Event | bool
)  # what a step did: an event; True: go on with the next step; False: more octets are needed
_BLANK = Syntax(tag=request.UNTAGGED, text="An empty line is no command")
_TOO_LONG = "The command is too long"


class Reader:
    """The session sets ``logged_in``, and ``utf8`` when UTF8=ACCEPT or IMAP4rev2 was enabled."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.logged_in = self.utf8 = False
        self._held = Held()
        self._step: Callable[[], Done] = self._line
        self._gathering = Gathering(limits)
        self._head: Head | None = None  # of a command that has literals
        self._args: Args | None = None  # of a command that has letters
        self._sync = False  # of the last letter: its client waits
        self._left = 0  # octets of the literal under way
        self._swallowed, self._bound, self._tail = 0, 0, b""

    # ── what a session calls ──

    def feed(self, octets: bytes) -> None:
        if self._step != self._over:
            self._held.feed(octets)

    def next(self) -> Event | None:
        """None: nothing more can be said before octets come, or before a Message has its answer."""
        done: Done = True
        while done is True:
            done = self._step()
        return done or None

    def accept(self) -> None:
        """The letter of the last Message is wanted. A client that waits has to be told ``+``."""
        self._step = self._letter

    def refuse(self) -> None:
        """It is not; the session answers the command, which gives no more events."""
        if self._sync:
            self._begin()
        else:
            self._swallow(self._left, max(self.limits.append, self.limits.swallow))

    def raw(self, on: bool) -> None:
        """Lines that are no commands, for AUTHENTICATE and IDLE."""
        self._step = self._raw_line if on else self._line

    def take(self) -> bytes:
        """What was fed and not read: to forget it (STARTTLS), or because it has to be inflated (COMPRESS)."""
        return self._held.take(len(self._held))

    # ── lines ──

    def _begin(self) -> None:
        """The next octets are a command's first."""
        if self._head is not None:
            self._gathering = Gathering(self.limits)
        self._head = self._args = None
        self._step = self._line

    def _read(self) -> bytes | Done:
        """A line of the command under way."""
        room = self._gathering.room(self.logged_in)
        end = self._held.line_end()
        if (end if end >= 0 else len(self._held)) > room:
            return self._too_long()
        return self._held.take(end + 1).removesuffix(b"\n").removesuffix(b"\r") if end >= 0 else False

    def _line(self) -> Done:
        line = self._read()
        if not isinstance(line, bytes):
            return line
        if not line and self._head is None:
            return _BLANK
        found = announcement(line)
        if found is not None:
            return self._announced(line, found)
        text = self._gathering.text(line)
        self._begin()
        try:
            return request.parse(text, utf8=self.utf8)
        except Flaw as flaw:
            return request.syntax(text, flaw)

    def _raw_line(self) -> Done:
        end = self._held.line_end()
        room = self.limits.line if self.logged_in else self.limits.before_login
        if (end if end >= 0 else len(self._held)) > room:
            return self._broken("The line is too long")
        if end < 0:
            return False
        return Line(self._held.take(end + 1).removesuffix(b"\n").removesuffix(b"\r"))

    def _too_long(self) -> Done:
        """CASES H4."""
        if not self.logged_in:
            return self._broken(_TOO_LONG)
        tag = self._head.tag if self._head else request.tag_of(self._held.begin(TAG + 1))
        self._swallow(0, self.limits.swallow)
        self._step = self._swallow_line
        return Syntax(tag=tag, text=_TOO_LONG, code="LIMIT")

    # ── literals of strings ──

    def _announced(self, line: bytes, found: Announcement) -> Done:
        try:
            if self._head is None:
                self._head = request.head(line)
            if self._head.name in LETTERS:
                asked = self._opening(self._head, self._gathering.text(line), found)
                if asked is not None:
                    return asked
            self._gathering.announce(line, found, self.logged_in)
        except Flaw as flaw:
            return self._flawed(self._head.tag if self._head else request.tag_of(line), flaw, found)
        self._left, self._step = found.size, self._literal
        return GoAhead() if found.sync else True

    def _literal(self) -> Done:
        if len(self._held) < self._left:
            return False
        self._gathering.literal(self._held.take(self._left))
        self._step = self._line
        return True

    # ── letters ──

    def _opening(self, head: Head, text: bytes, found: Announcement) -> Message | None:
        """None: the literal is the mailbox' name."""
        p = Parser(text, head.end, uid=head.uid, utf8=self.utf8)
        args = LETTERS[head.name](p)
        if args is None:
            return None
        if not self.logged_in:
            raise Flaw("This command needs a login")
        return self._ask(head, args, append.append_message(p), found)

    def _ask(self, head: Head, args: Args, letter: append.Letter, found: Announcement) -> Message:
        if len(args.messages) == (self.limits.literals if head.name == "APPEND" else 1):
            raise Flaw("The command has too many letters", code="LIMIT")
        args = replace(args, messages=(*args.messages, letter))
        self._args, self._left, self._sync, self._step = args, letter.size, found.sync, self._asked
        return Message(
            tag=head.tag,
            name=head.name,
            uid=head.uid,
            size=letter.size,
            sync=found.sync,
            number=len(args.messages),
            args_so_far=args,
            too_big=letter.size > self.limits.append,
        )

    def _asked(self) -> Done:
        return False

    def _letter(self) -> Done:
        if not self._left:
            self._step = self._behind_letter
            return True
        data = self._held.take(min(self._left, len(self._held)))
        self._left -= len(data)
        return Octets(data) if data else False

    def _behind_letter(self) -> Done:
        """The next letter, or the end of the command."""
        line = self._read()
        if not isinstance(line, bytes):
            return line
        head, args = self._head, self._args
        assert head is not None and args is not None  # noqa: PT018, S101 - a letter has been asked for
        found = announcement(line)
        try:
            p = Parser(line, utf8=self.utf8)
            if args.messages[-1].utf8:
                p.expect(b")", "A parenthesis")
            if found is not None:
                return self._ask(head, args, append.append_message(p), found)
            p.end()
        except Flaw as flaw:
            return self._flawed(head.tag, flaw, found)
        self._begin()
        return Request(tag=head.tag, name=head.name, uid=head.uid, args=args)

    # ── what is thrown away ──

    def _flawed(self, tag: bytes, flaw: Flaw, found: Announcement | None) -> Done:
        if found is None or found.sync:  # who waits for "+" sees BAD, and has ended the command
            self._begin()
        else:
            self._swallow(found.size, self.limits.swallow if self.logged_in else self.limits.before_login)
        return Syntax(tag=tag, text=flaw.text, code=flaw.code, status=flaw.status)

    def _swallow(self, octets: int, bound: int) -> None:
        """``octets`` of a literal and the rest of the command."""
        self._swallowed, self._bound, self._tail = 0, bound, b""
        self._left, self._step = octets, self._swallow_literal

    def _swallow_literal(self) -> Done:
        if self._swallowed + self._left > self._bound:
            return self._broken("The literal is too large", "TOOBIG")
        taken = len(self._held.take(min(self._left, len(self._held))))
        self._swallowed += taken
        self._left -= taken
        if self._left:
            return False
        self._step = self._swallow_line
        return True

    def _swallow_line(self) -> Done:
        end = self._held.line_end()
        taken = self._held.take(end + 1 if end >= 0 else len(self._held))
        self._swallowed += len(taken)
        if self._swallowed > self._bound:
            return self._broken(_TOO_LONG, "TOOBIG")
        self._tail = (self._tail + taken)[-TAIL:]
        if end < 0:
            return False
        found = announcement(self._tail.removesuffix(b"\n").removesuffix(b"\r"))
        self._tail = b""
        if found is None or found.sync:
            self._begin()
        else:
            self._left, self._step = found.size, self._swallow_literal
        return True

    def _broken(self, text: str, code: str = "") -> Broken:
        self._step = self._over
        self._held.clear()
        return Broken(text=text, code=code)

    def _over(self) -> Done:
        return False
