"""The server's side of a connection without waiting: octets in, needs and replies out. No event loop is needed to test it.

    session = Session(terms, tls=True, clock=…)
    session.feed(octets)                 # as they come, cut anyhow
    need = session.advance()             # None: more octets are wanted, or, when ``over``, nothing any more
    need = session.answer(value)         # or session.fail(failure): goes on to the next need
    need = session.deliver(letter)       # to Open, where the message is here whole
    session.take()                       # what there is to say by now

The same octets give the same replies at every cut. The whole session is one generator that runs from line to line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yubin.errors import Exhausted, Failure, Invalid
from yubin.pop3.command import command
from yubin.pop3.commands import COMMANDS, JUNK, VERBS, Handler
from yubin.pop3.dialogue import Dialogue, State, Terms
from yubin.pop3.maildrop import Maildrop
from yubin.pop3.needs import Need, Steps, Wait
from yubin.pop3.patience import Patience

BATCH = 100  # pipelined commands that are answered at a time
Note = Callable[[str, str], None]  # a verb of the table or "other", and "ok", "err", or "cut"


class Session:
    def __init__(self, terms: Terms, *, tls: bool, clock: Callable[[], float], note: Note) -> None:
        self._d = Dialogue(terms=terms, tls=tls)
        self._patience = Patience(terms, clock)
        self._note = note
        self._steps = self._converse()
        self._need: Need | None = next(self._steps)

    @property
    def maildrop(self) -> Maildrop:
        return self._d.maildrop

    @property
    def over(self) -> bool:
        """Nothing that comes is read any more."""
        return self._need is None

    @property
    def held(self) -> int:
        """Octets of the client that nobody has read."""
        return len(self._d.lines)

    def close(self) -> None:
        """The client is gone."""
        self._steps.close()
        self._need = None

    def feed(self, octets: bytes) -> None:
        self._d.lines.feed(octets)

    @property
    def pending(self) -> int:
        """Octets that there are to say."""
        return self._d.pending

    def take(self) -> bytes:
        octets = b"".join(self._d.out)
        self._d.out.clear()
        self._d.pending = 0
        return octets

    def advance(self) -> Need | None:
        while self._need is Wait.LINE:
            try:
                line = self._d.lines.line()
            except Invalid as failure:
                self._fail(failure)
            else:
                if line is None:
                    return None
                self._answer(line)
        return self._need

    def answer(self, value: Any) -> Need | None:
        self._answer(value)
        return self.advance()

    def deliver(self, letter: bytes) -> Need | None:
        """Answers Open, and the MORE or ENOUGH behind it."""
        self._answer(letter)
        self._answer(None)
        return self.advance()

    def fail(self, failure: Failure) -> Need | None:
        self._fail(failure)
        return self.advance()

    def _answer(self, value: Any) -> None:
        try:
            self._need = self._steps.send(value)
        except StopIteration:
            self._need = None

    def _fail(self, failure: Failure) -> None:
        try:
            self._need = self._steps.throw(failure)
        except StopIteration:
            self._need = None

    def _converse(self) -> Steps:
        d, since = self._d, 0
        d.ok(f"{d.terms.hostname} POP3")  # RFC 1939 4; no timestamp: no APOP
        while not d.closing:
            since += 1
            if since > BATCH:
                since = 0
                yield Wait.ROOM
            yield from self._command()

    def _command(self) -> Steps:
        """One line, one reply."""
        d, verb = self._d, "other"
        try:
            line: bytes = yield Wait.LINE
            given = command(line)
            verb = given.verb if given.verb in VERBS else verb
            steps = self._handler(given.verb)(d, given.argument)
            if steps is not None:
                yield from steps
        except Failure as failure:
            self._refuse(verb, failure)
            return
        self._note(verb, "cut" if d.cut else "ok")
        if verb in JUNK or d.state is State.AUTHORIZATION:
            self._weary()
        else:
            self._patience.relieve()

    def _handler(self, verb: str) -> Handler:
        found = COMMANDS[self._d.state].get(verb)
        if found is None:
            raise Invalid("This command has no place here" if verb in VERBS else "This command is unknown")
        return found

    def _refuse(self, verb: str, failure: Failure) -> None:
        self._d.err(failure)
        self._note(verb, "err")
        if isinstance(failure, Invalid):
            if self._patience.error():
                self._d.closing = True
        else:
            self._weary()

    def _weary(self) -> None:
        """Counts what brings nobody anywhere."""
        if self._patience.junk() and not self._d.closing:
            self._d.closing = True
            self._d.err(Exhausted("Too many commands that do nothing"))
