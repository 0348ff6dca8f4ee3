"""One SMTP client session (RFC 5321 3), without I/O: replies in, commands and events out.

    BANNER ─▶ EHLO (─▶ HELO) (─▶ STARTTLS ─▶ TLS ─▶ EHLO) ─▶ idle ─▶ MAIL ─▶ RCPT… ─▶ DATA ─▶ BODY ─▶ DOT ─▶ idle

The caller writes ``take()``, feeds what it reads, and obeys ``next_event()``:

    Event.HANDSHAKE   220 to STARTTLS: start TLS, then call ``secured``
    Event.READY       the session carries transactions now: call ``mail``
    Event.ENVELOPE    every RCPT is answered, at least one with 2xx, and DATA is not yet sent: call ``data`` (or leave)
    Event.BODY        354: write the body, and call ``dot`` as the final dot is written
    Event.ENDED       the transaction is over; ``transaction`` says how; another may follow
    Refused           a reply ended the session (421, or a refusal where nothing else can follow)
    Violated          the peer broke the protocol: close at once

With PIPELINING (RFC 2920) RSET, MAIL, RCPT… and DATA are one write. When all recipients were refused and DATA
was answered 354 all the same, the lone dot is sent as RFC 2920 3.1 asks. Replies are matched to commands in order; one
that nobody waits for ends the session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from yubin.smtp import envelope as said
from yubin.smtp.data import FINAL_DOT
from yubin.smtp.envelope import Capabilities, Envelope
from yubin.smtp.reply import ProtocolViolation, Reply, ReplyParser
from yubin.smtp.stage import Event, Refused, Stage, Transaction, Violated

_EARLY = "bytes between the reply to STARTTLS and TLS"  # RFC 3207 4.2: discarded with the connection


class Client:
    """``name`` is said in EHLO; ``starttls`` asks for TLS where the peer offers it."""

    def __init__(self, name: str, *, starttls: bool = True) -> None:
        self.name = name
        self.peer = Capabilities()
        self.stage = Stage.BANNER
        self.transaction: Transaction | None = None
        self.replies = 0  # so far, in the whole session
        self._starttls = starttls
        self._parser = ReplyParser()
        self._expected: deque[Stage] = deque([Stage.BANNER])
        self._later: deque[tuple[Stage, bytes]] = deque()  # commands for a peer that takes one at a time
        self._outgoing = bytearray()
        self._events: deque[Event | Refused | Violated] = deque()
        self.over = False  # whatever comes now is ignored
        self._dirty = False  # a transaction was begun and neither completed nor reset

    # ── bytes and events ──

    def feed(self, data: bytes) -> None:
        if self.over:
            return
        self._parser.feed(data)
        try:
            while not self.over and (reply := self._parser.next()) is not None:
                self._on_reply(reply)
        except ProtocolViolation as violation:
            self._end(Violated(self.stage, str(violation)))
        if self.stage is Stage.TLS and self._parser.pending and not self.over:
            self._end(Violated(self.stage, _EARLY))

    def next_event(self) -> Event | Refused | Violated | None:
        return self._events.popleft() if self._events else None

    def take(self) -> bytes:
        """What is to be written now."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    @property
    def idle(self) -> bool:
        """Ready for a transaction, with nothing said meanwhile."""
        return self.stage is Stage.IDLE and not self.over and not self._events and not self._parser.pending

    # ── what the caller decides ──

    def secured(self) -> None:
        """TLS is up: what was said before is forgotten (RFC 3207 4.2)."""
        self._starttls = False
        self.peer = Capabilities()
        self._say(Stage.EHLO, b"EHLO %b\r\n" % self.name.encode())

    def mail(self, envelope: Envelope) -> None:
        """Begins a transaction; with PIPELINING this sends DATA as well."""
        self.transaction = Transaction(envelope)
        commands = [(Stage.MAIL, said.mail(envelope, self.peer))]
        commands += [(Stage.RCPT, said.rcpt(recipient, self.peer)) for recipient in envelope.recipients]
        if self._dirty:
            commands.insert(0, (Stage.RSET, b"RSET\r\n"))
        self._dirty = True
        if self.peer.pipelining:
            commands.append((Stage.DATA, b"DATA\r\n"))
            self._outgoing += b"".join(command for _, command in commands)
            self._expected.extend(stage for stage, _ in commands)
            self.stage = self._expected[0]
        else:
            self._later.extend(commands)
            self._say(*self._later.popleft())

    def data(self) -> None:
        self._say(Stage.DATA, b"DATA\r\n")

    def dot(self) -> None:
        """The caller writes the final dot now."""
        assert self.transaction is not None  # noqa: S101 - BODY follows mail()
        self.transaction.dot_sent = True
        self._expect(Stage.DOT)

    def quit(self) -> None:
        self._say(Stage.QUIT, b"QUIT\r\n")

    # ── replies ──

    def _on_reply(self, reply: Reply) -> None:
        if not self._expected:
            self._on_unasked(reply)
            return
        stage = self._expected.popleft()
        self.replies += 1
        if reply.code == 421 and stage is not Stage.QUIT:  # RFC 5321 3.8: the peer closes now
            self._refuse(stage, reply)
            return
        self._HANDLERS[stage](self, reply)
        if self._expected:
            self.stage = self._expected[0]

    def _on_unasked(self, reply: Reply) -> None:
        """Early refusal of a body, or the farewell of an idle connection; anything else is out of step."""
        if self.stage is Stage.TLS:
            raise ProtocolViolation(_EARLY)
        if reply.code < 400:
            raise ProtocolViolation(f"a reply that nobody waits for: {reply}"[:200])
        self._refuse(self.stage, reply)

    def _on_banner(self, reply: Reply) -> None:
        if not reply.positive:
            self._refuse(Stage.BANNER, reply)
            return
        self._say(Stage.EHLO, b"EHLO %b\r\n" % self.name.encode())

    def _on_ehlo(self, reply: Reply) -> None:
        if reply.permanent:  # RFC 5321 3.2: an old server
            self._say(Stage.HELO, b"HELO %b\r\n" % self.name.encode())
        elif not reply.positive:
            self._refuse(Stage.EHLO, reply)
        else:
            self.peer = Capabilities.parse(reply.lines)
            if self._starttls and self.peer.starttls:
                self._say(Stage.STARTTLS, b"STARTTLS\r\n")
            else:
                self._ready(Event.READY)

    def _on_helo(self, reply: Reply) -> None:
        if reply.positive:
            self._ready(Event.READY)
        else:
            self._refuse(Stage.HELO, reply)

    def _on_starttls(self, reply: Reply) -> None:
        if (
            not reply.positive
        ):  # offered and then refused: go on in clear, as the caller's policy allows or not
            self._ready(Event.READY)
            return
        self.stage = Stage.TLS
        self._events.append(Event.HANDSHAKE)

    def _on_rset(self, reply: Reply) -> None:
        if not reply.positive:
            self._refuse(Stage.RSET, reply)
            return
        self._continue()

    def _on_mail(self, reply: Reply) -> None:
        transaction = self._current()
        transaction.mail = reply
        if reply.digit == 3:
            raise ProtocolViolation(f"{reply.code} to MAIL")
        if not reply.positive and self._later:
            self._later.clear()
            self._ready(Event.ENDED)
            return
        self._continue()

    def _on_rcpt(self, reply: Reply) -> None:
        transaction = self._current()
        transaction.recipients.append(reply)
        if reply.digit == 3:
            raise ProtocolViolation(f"{reply.code} to RCPT")
        if self._later or self._expected:
            self._continue()
        elif transaction.accepted:
            self.stage = Stage.DATA
            self._events.append(Event.ENVELOPE)
        else:
            self._ready(Event.ENDED)

    def _on_data(self, reply: Reply) -> None:
        transaction = self._current()
        if reply.positive:
            raise ProtocolViolation(f"{reply.code} to DATA")
        if reply.digit != 3:
            transaction.final = reply
            self._ready(Event.ENDED)
        elif transaction.accepted:
            self.stage = Stage.BODY
            self._events.append(Event.BODY)
        else:  # RFC 2920 3.1
            self._say(Stage.DOT, FINAL_DOT)

    def _on_dot(self, reply: Reply) -> None:
        transaction = self._current()
        if reply.digit == 3:
            raise ProtocolViolation(f"{reply.code} to the final dot")
        if transaction.accepted:
            transaction.final = reply
            self._dirty = False
        self._ready(Event.ENDED)

    def _on_quit(self, _reply: Reply) -> None:
        self.over = True

    # ── small steps ──

    def _current(self) -> Transaction:
        assert self.transaction is not None  # noqa: S101 - these stages follow mail()
        return self.transaction

    def _continue(self) -> None:
        if self._later:
            self._say(*self._later.popleft())

    def _say(self, stage: Stage, command: bytes) -> None:
        self._outgoing += command
        self._expect(stage)

    def _expect(self, stage: Stage) -> None:
        self._expected.append(stage)
        self.stage = self._expected[0]

    def _ready(self, event: Event) -> None:
        self.stage = Stage.IDLE
        self._events.append(event)

    def _refuse(self, stage: Stage, reply: Reply) -> None:
        self._end(Refused(stage, reply))

    def _end(self, event: Refused | Violated) -> None:
        self.over = True
        self._expected.clear()
        self._events.append(event)

    # ── who takes the reply to what ──

    _HANDLERS: ClassVar[dict[Stage, Callable[[Client, Reply], None]]] = {
        Stage.BANNER: _on_banner,
        Stage.EHLO: _on_ehlo,
        Stage.HELO: _on_helo,
        Stage.STARTTLS: _on_starttls,
        Stage.RSET: _on_rset,
        Stage.MAIL: _on_mail,
        Stage.RCPT: _on_rcpt,
        Stage.DATA: _on_data,
        Stage.DOT: _on_dot,
        Stage.QUIT: _on_quit,
    }
