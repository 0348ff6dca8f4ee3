"""The envelope of one outbound transaction and the commands that say it (RFC 5321 4.1.1.2 and 4.1.1.3).

Which parameters appear depends on what the peer announced: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531),
RET, ENVID, NOTIFY and ORCPT (RFC 3461), REQUIRETLS (RFC 8689). An address that is not one path, or that holds a control
character, never reaches the wire: ``sound`` is asked before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yubin.smtp import xtext

# RFC 5321 4.1.2: Mailbox, with whatever else peers use in a local part, but nothing that ends a path or a line.
_PATH = re.compile(
    r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^\x00-\x20\x7f<>"]+)@[^\x00-\x20\x7f<>"@]+', re.UNICODE
)
_KIND = re.compile(r"[A-Za-z0-9-]{1,40}")
_NOTIFY = ("SUCCESS", "FAILURE", "DELAY")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """``orcpt`` is ``type;address`` with the xtext decoded; ``notify`` empty means the default."""

    address: str
    notify: frozenset[str] = frozenset()
    orcpt: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """``size`` in octets. ``eight_bit`` and ``utf8`` say what the letter needs, not what was asked at submission."""

    sender: str
    recipients: tuple[Recipient, ...]
    size: int
    eight_bit: bool = False
    utf8: bool = False
    requiretls: bool = False
    ret: str | None = None
    envid: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What the peer announced in its reply to EHLO; all False behind HELO. ``size`` 0 means no limit stated."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    dsn: bool = False
    starttls: bool = False
    requiretls: bool = False
    announces_size: bool = False
    size: int = 0
    letters: int = 0  # RFC 9422 MAILMAX, 0: not stated
    recipients: int = 0  # RFC 9422 RCPTMAX

    @classmethod
    def parse(cls, lines: tuple[bytes, ...]) -> Capabilities:
        """From the lines of an EHLO reply; the first one is the greeting (RFC 5321 4.1.1.1)."""
        said: dict[str, list[str]] = {}
        for line in lines[1:]:
            # "=" behind the keyword is the old habit of AUTH=
            keyword, *values = line.decode("ascii", "replace").replace("AUTH=", "AUTH ", 1).split() or [""]
            said.setdefault(keyword.upper(), values)
        limits = dict(item.upper().partition("=")[::2] for item in said.get("LIMITS", []))  # RFC 9422
        return cls(
            pipelining="PIPELINING" in said,
            eight_bit="8BITMIME" in said,
            utf8="SMTPUTF8" in said,
            dsn="DSN" in said,
            starttls="STARTTLS" in said,
            requiretls="REQUIRETLS" in said,
            announces_size="SIZE" in said,
            size=_count((said.get("SIZE") or ["0"])[0]),
            letters=_count(limits.get("MAILMAX", "0")),
            recipients=_count(limits.get("RCPTMAX", "0")),
        )


def sound(address: str) -> bool:
    """Whether it may stand between < and > in a command."""
    return len(address) <= 320 and _PATH.fullmatch(address) is not None


def mail(envelope: Envelope, peer: Capabilities) -> bytes:
    command = f"MAIL FROM:<{envelope.sender}>"
    if peer.announces_size:
        command += f" SIZE={envelope.size}"
    if envelope.eight_bit and peer.eight_bit:
        command += " BODY=8BITMIME"
    if envelope.utf8 and peer.utf8:
        command += " SMTPUTF8"
    if envelope.requiretls and peer.requiretls:
        command += " REQUIRETLS"
    if peer.dsn:
        command += f" RET={envelope.ret}" if envelope.ret else ""
        command += f" ENVID={xtext.encode(envelope.envid)}" if envelope.envid else ""
    return command.encode() + b"\r\n"


def rcpt(recipient: Recipient, peer: Capabilities) -> bytes:
    command = f"RCPT TO:<{recipient.address}>"
    if peer.dsn and recipient.notify:
        command += f" NOTIFY={_notify(recipient.notify)}"
    if peer.dsn and recipient.orcpt:
        command += _orcpt(recipient.orcpt)
    return command.encode() + b"\r\n"


def _orcpt(original: str) -> str:
    kind, _, address = original.partition(";")
    if not _KIND.fullmatch(kind):
        return ""
    if kind.lower() == "utf-8":  # RFC 6533 3: utf-8-addr-xtext, which any peer may carry
        return f" ORCPT={kind};{''.join(map(_unicode, address))}"
    return f" ORCPT={kind};{xtext.encode(address)}"


def _unicode(character: str) -> str:
    plain = "!" <= character <= "~" and character not in "+=\\"
    return character if plain else f"\\x{{{ord(character):X}}}"


def _notify(wanted: frozenset[str]) -> str:
    if "NEVER" in wanted:  # RFC 3461 4.1: alone
        return "NEVER"
    return ",".join(word for word in _NOTIFY if word in wanted)


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0
