"""One SMTP session of the sink, pure: octets in, replies and letters out (RFC 5321, as a receiving server).

It is written apart from Yubin's own SMTP code, so that a mistake there meets a stranger here. Strict where it matters
to a test: a line ends with CRLF only, commands have an order, and what follows STARTTLS in clear is thrown away
(RFC 3207 4.2). Bounded: lines, recipients, and a letter's size.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

LINE_LIMIT = 4096
SIZE_LIMIT = 64 * 1024 * 1024
RECIPIENT_LIMIT = 1000
ERROR_LIMIT = 20
_PATH = re.compile(r"(FROM|TO): ?<([^<>\s]*)>(?: (.*))?", re.IGNORECASE)
_PARAMETERS = {
    "MAIL": frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID"}),
    "RCPT": frozenset({"NOTIFY", "ORCPT"}),
}

Rule = Callable[[str], str | None]
Verb = Callable[["Session", str], str | None]


@dataclass(frozen=True, kw_only=True)
class Received:
    """One letter: ``recipients`` as accepted, ``parameters`` of MAIL and of each recipient as they were sent."""

    helo: str
    sender: str
    recipients: tuple[str, ...]
    mail_parameters: str
    rcpt_parameters: tuple[str, ...]
    data: bytes
    tls: bool


@dataclass(kw_only=True)
class Session:
    """``feed`` octets, send what it returns, then take ``letters``; when ``starts_tls`` or ``over`` is set, act on it.

    ``rule`` gives the refusal of a recipient's domain; ``keep`` stores a letter and returns the text of its 250.
    """

    name: str
    rule: Rule
    keep: Callable[[Received], str]
    can_start_tls: bool = False
    tls: bool = False
    starts_tls: bool = False
    over: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _in_data: bool = False
    _errors: int = 0
    _helo: str = ""
    _sender: str | None = None
    _mail_parameters: str = ""
    _recipients: list[tuple[str, str]] = field(default_factory=list)

    def greeting(self) -> bytes:
        return f"220 {self.name} ESMTP the pretend world\r\n".encode()

    def secured(self) -> None:
        """RFC 3207 4.2: after the handshake the session begins anew."""
        self.tls, self.starts_tls, self._helo = True, False, ""
        self._reset()

    def feed(self, octets: bytes) -> bytes:
        if self.starts_tls or self.over:
            return b""
        self._buffer += octets
        replies: list[str] = []
        while not (self.over or self.starts_tls):
            taken = self._data() if self._in_data else self._line()
            if taken is None:
                break
            replies.append(taken)
        if self.starts_tls:
            self._buffer.clear()  # no command from before TLS may count after it
        return "".join(f"{reply}\r\n" for reply in replies if reply).encode()

    def _line(self) -> str | None:
        end = self._buffer.find(b"\r\n")
        if end > LINE_LIMIT or (end < 0 and len(self._buffer) > LINE_LIMIT):
            self.over = True
            return "500 5.5.2 Line too long"
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return self._command(line)

    def _command(self, line: bytes) -> str:
        try:
            verb, _, rest = line.decode("utf-8").partition(" ")
        except UnicodeDecodeError:
            verb, rest = "", ""
        handler = _VERBS.get(verb.upper())
        reply = handler(self, rest) if handler else "500 5.5.1 Unknown command"
        if reply is None:
            return ""
        if reply[0] == "5" and verb.upper() != "RCPT":
            self._errors += 1
            if self._errors > ERROR_LIMIT:
                self.over = True
                return "421 4.7.0 Too many errors"
        return reply

    def _data(self) -> str | None:
        """RFC 5321 4.1.1.4: the letter ends with <CRLF>.<CRLF>, or at once with .<CRLF>."""
        end = 0 if self._buffer.startswith(b".\r\n") else self._buffer.find(b"\r\n.\r\n") + 2
        if end == 1:
            if len(self._buffer) > SIZE_LIMIT:
                self.over = True
                return "552 5.3.4 Letter too big"
            return None
        data = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        self._in_data = False
        letter = Received(
            helo=self._helo,
            sender=self._sender or "",
            recipients=tuple(address for address, _ in self._recipients),
            mail_parameters=self._mail_parameters,
            rcpt_parameters=tuple(parameters for _, parameters in self._recipients),
            data=_unstuffed(data),
            tls=self.tls,
        )
        self._reset()
        return f"250 2.0.0 {self.keep(letter)}"

    def _reset(self) -> None:
        self._sender, self._mail_parameters = None, ""
        self._recipients = []

    def _do_helo(self, rest: str) -> str:
        self._helo = rest.strip()
        self._reset()
        return f"250 {self.name}" if self._helo else "501 5.5.4 Say who you are"

    def _do_ehlo(self, rest: str) -> str:
        if self._do_helo(rest)[0] != "2":
            return "501 5.5.4 Say who you are"
        offers = ["PIPELINING", f"SIZE {SIZE_LIMIT}", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "DSN"]
        if self.can_start_tls and not self.tls:
            offers.append("STARTTLS")
        lines = [f"{self.name} greets {self._helo}", *offers]
        return "\r\n".join(f"250{'-' if n < len(lines) else ' '}{line}" for n, line in enumerate(lines, 1))

    def _do_starttls(self, rest: str) -> str:
        if not self.can_start_tls or self.tls:
            return "503 5.5.1 Not now"
        if rest:
            return "501 5.5.4 STARTTLS has no parameters"
        self.starts_tls = True
        return "220 2.0.0 Go ahead"

    def _do_mail(self, rest: str) -> str:
        if not self._helo or self._sender is not None:
            return "503 5.5.1 Bad sequence"
        found = _PATH.fullmatch(rest)
        if not found or found[1].upper() != "FROM":
            return "501 5.1.7 Bad sender"
        if refusal := _unknown("MAIL", found[3] or ""):
            return refusal
        self._sender, self._mail_parameters = found[2], found[3] or ""
        return "250 2.1.0 Sender"

    def _do_rcpt(self, rest: str) -> str:
        found = _PATH.fullmatch(rest)
        if self._sender is None:
            return "503 5.5.1 Bad sequence"
        if not found or found[1].upper() != "TO" or "@" not in found[2]:
            return "501 5.1.3 Bad recipient"
        if refusal := _unknown("RCPT", found[3] or "") or self.rule(found[2].rpartition("@")[2]):
            return refusal
        if len(self._recipients) >= RECIPIENT_LIMIT:
            return "452 4.5.3 Too many recipients"
        self._recipients.append((found[2], found[3] or ""))
        return "250 2.1.5 Recipient"

    def _do_data(self, rest: str) -> str:
        if rest or self._sender is None:
            return "503 5.5.1 Bad sequence"
        if not self._recipients:
            return "554 5.5.1 No valid recipients"
        self._in_data = True
        return "354 End with a dot on a line of its own"

    def _do_rset(self, rest: str) -> str:  # noqa: ARG002 - RSET has no parameters
        self._reset()
        return "250 2.0.0 Reset"

    def _do_noop(self, rest: str) -> str:  # noqa: ARG002 - RFC 5321 4.1.1.9: its text is ignored
        return "250 2.0.0 Here"

    def _do_quit(self, rest: str) -> str:  # noqa: ARG002 - QUIT has no parameters
        self.over = True
        return "221 2.0.0 Bye"


_VERBS: dict[str, Verb] = {
    "HELO": Session._do_helo,  # noqa: SLF001 - the table of this module's own class
    "EHLO": Session._do_ehlo,  # noqa: SLF001
    "STARTTLS": Session._do_starttls,  # noqa: SLF001
    "MAIL": Session._do_mail,  # noqa: SLF001
    "RCPT": Session._do_rcpt,  # noqa: SLF001
    "DATA": Session._do_data,  # noqa: SLF001
    "RSET": Session._do_rset,  # noqa: SLF001
    "NOOP": Session._do_noop,  # noqa: SLF001
    "QUIT": Session._do_quit,  # noqa: SLF001
}


def _unknown(verb: str, parameters: str) -> str | None:
    """RFC 5321 4.1.1.11: a parameter that was not offered is refused."""
    keywords = {word.partition("=")[0].upper() for word in parameters.split()}
    return None if keywords <= _PARAMETERS[verb] else "555 5.5.4 Parameter not recognized"


def _unstuffed(data: bytes) -> bytes:
    """RFC 5321 4.5.2: the dot that a line begins with was added."""
    return (data[1:] if data.startswith(b".") else data).replace(b"\r\n.", b"\r\n")
