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
from functools import partial

from yubin.imap import letters, request
from yubin.imap.commands.table import LETTERS
from yubin.imap.events import Broken, Event, GoAhead, Line, Message, Octets, Request, Syntax
from yubin.imap.flaw import Flaw
from yubin.imap.gathering import Announcement, Gathering, announcement
from yubin.imap.held import Held
from yubin.imap.letters import Letters
from yubin.imap.limits import TAG, Limits
from yubin.imap.parser import Parser
from yubin.imap.request import Head
from yubin.imap.rest import Rest

__all__ = ["Broken", "Event", "GoAhead", "Line", "Message", "Octets", "Reader", "Request", "Syntax"]

Done = Event | bool  # of a step: an event; True: the next step goes on; False: more octets are needed
_BEGIN = TAG + 16  # octets, in which tag and verb are
_BLANK = Flaw("An empty line is no command")
_MISTAKES = Flaw("Too many mistakes", code="LIMIT")


class Reader:
    """The session sets ``logged_in``, and ``utf8`` when UTF8=ACCEPT or IMAP4rev2 was enabled."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.logged_in = self.utf8 = False
        self._held = Held()
        self._step: Callable[[], Done] = self._line
        self._gathering = Gathering(limits)
        self._head: Head | None = None  # of a command that has literals
        self._letters: Letters | None = None  # of a command that has letters
        self._left = 0  # octets of the string under way
        self._rest = Rest(0, 0)
        self._mistakes = 0  # in a row

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
        if self._letters is not None:
            self._step = partial(self._letter, self._letters)

    def refuse(self) -> None:
        """It is not, or (between its Octets) no longer; the session answers the command, which gives no more events.

        Harmless when no letter is under way.
        """
        under_way, self._letters = self._letters, None
        if under_way is None:
            return
        if under_way.sync and self._step == self._asked:
            self._begin()
        else:
            self._swallow(under_way.left, max(self.limits.append, self.limits.swallow))

    def raw(self, on: bool) -> None:
        """Lines that are no commands, for AUTHENTICATE and IDLE."""
        if self._step != self._over:
            self._step = self._raw_line if on else self._line

    def take(self) -> bytes:
        """What was fed and not read: to forget it (STARTTLS), or because it has to be inflated (COMPRESS)."""
        return self._held.take(len(self._held))

    # ── lines ──

    def _begin(self) -> None:
        """The next octets are a command's first."""
        if self._head is not None:
            self._gathering = Gathering(self.limits)
        self._head = self._letters = None
        self._step = self._line

    def _read(self) -> bytes | Done:
        """A line of the command under way."""
        try:
            line = self._held.line(self._room())
        except Flaw as flaw:
            return self._too_long(flaw)
        return False if line is None else line

    def _room(self) -> int:
        """For the next line; a stranger's is longer where it is the first one of AUTHENTICATE."""
        room = self._gathering.room(self.logged_in)
        if self.logged_in or self._head is not None or len(self._held) <= room:
            return room
        try:
            long = request.head(self._held.begin(_BEGIN)).name == "AUTHENTICATE"
        except Flaw:
            return room
        return self.limits.sasl if long else room

    def _line(self) -> Done:
        line = self._read()
        if not isinstance(line, bytes):
            return line
        if not line and self._head is None:
            return self._wrong(request.UNTAGGED, _BLANK)
        found = announcement(line)
        if found is not None:
            return self._announced(line, found)
        text = self._gathering.text(line.rstrip(b" "))  # some clients leave spaces there
        self._begin()
        try:
            whole = request.parse(text, utf8=self.utf8)
        except Flaw as flaw:
            return self._wrong(request.tag_of(text), flaw)
        self._mistakes = 0
        return whole

    def _too_long(self, flaw: Flaw) -> Done:
        if not self.logged_in:
            return self._broken(flaw)
        tag = self._head.tag if self._head else request.tag_of(self._held.begin(TAG + 1))
        self._swallow(0, self.limits.swallow)
        return self._wrong(tag, flaw)

    def _raw_line(self) -> Done:
        try:
            line = self._held.line(self.limits.line if self.logged_in else self.limits.sasl)
        except Flaw as flaw:
            return self._broken(flaw)
        return False if line is None else Line(line)

    # ── literals of strings ──

    def _announced(self, line: bytes, found: Announcement) -> Done:
        try:
            self._head = self._head or request.head(line)
            message = self._opening(self._head, line, found)
            if message is not None:
                return message
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

    def _opening(self, head: Head, line: bytes, found: Announcement) -> Message | None:
        """None: what was announced is a string."""
        if head.name not in LETTERS:
            return None
        p = Parser(self._gathering.text(line), head.end, uid=head.uid, utf8=self.utf8)
        self._letters = letters.opened(p, head, self.limits, logged_in=self.logged_in)
        if self._letters is None:
            return None
        self._step = self._asked
        return self._letters.message(p, found)

    def _asked(self) -> Done:
        return False

    def _letter(self, of: Letters) -> Done:
        if not of.left:
            self._step = partial(self._behind_letter, of)
            return True
        data = self._held.take(min(of.left, len(self._held)))
        of.left -= len(data)
        return Octets(data) if data else False

    def _behind_letter(self, of: Letters) -> Done:
        line = self._read()
        if not isinstance(line, bytes):
            return line
        found = announcement(line)
        try:
            event = of.behind(line.rstrip(b" "), found, utf8=self.utf8)
        except Flaw as flaw:
            return self._flawed(self._head.tag if self._head else request.UNTAGGED, flaw, found)
        if isinstance(event, Message):
            self._step = self._asked
        else:
            self._begin()
            self._mistakes = 0
        return event

    # ── what is thrown away ──

    def _flawed(self, tag: bytes, flaw: Flaw, found: Announcement | None) -> Done:
        if found is None or found.sync:  # who waits for "+" sees BAD, and has ended the command
            self._begin()
        else:
            self._swallow(found.size, self.limits.swallow if self.logged_in else self.limits.before_login)
        return self._wrong(tag, flaw)

    def _wrong(self, tag: bytes, flaw: Flaw) -> Event:
        self._mistakes += 1
        if self._mistakes > self.limits.mistakes:
            return self._broken(_MISTAKES)
        return Syntax(tag=tag, text=flaw.text, code=flaw.code, status=flaw.status)

    def _swallow(self, octets: int, bound: int) -> None:
        """``octets`` of a literal and the rest of the command."""
        self._letters = None
        self._rest = Rest(octets, bound)
        self._step = self._swallowing

    def _swallowing(self) -> Done:
        try:
            ended = self._rest.read(self._held)
        except Flaw as flaw:
            return self._broken(flaw)
        if ended:
            self._begin()
        return ended

    def _broken(self, flaw: Flaw) -> Broken:
        self._letters, self._step = None, self._over
        self._held.clear()
        return Broken(text=flaw.text, code=flaw.code)

    def _over(self) -> Done:
        return False
