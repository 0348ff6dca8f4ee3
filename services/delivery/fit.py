"""Whether a letter fits a peer: size, eight bits, UTF-8 addresses, REQUIRETLS; decided before anything is sent.

What a letter needs is read from the letter, not from what was asked for at submission: a letter in plain ASCII goes
anywhere. A peer without 8BITMIME gets an eight-bit letter converted or not at all (RFC 6152 3), and one without SMTPUTF8
no UTF-8 header or address (RFC 6531 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from yubin.queue.port import Message, Outcome
from yubin.smtp.envelope import Capabilities, sound

Refusal = tuple[Outcome, int, str, str]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What goes on the wire behind DATA: ``body`` as stored, not dot-stuffed; ``size`` in octets."""

    body: bytes
    body_type: str
    utf8: bool
    size: int


@dataclass(frozen=True, kw_only=True)
class Needs:
    """``utf8`` is needed where SMTPUTF8 was asked for and the header or the sender is not ASCII."""

    size: int
    eight_bit: bool
    utf8: bool
    requiretls: bool


def needs(message: Message, content: Content) -> Needs:
    eight_bit = not content.body.isascii()
    utf8 = not message.sender.isascii()
    if content.utf8 and eight_bit:
        end = content.body.find(b"\r\n\r\n")
        utf8 = utf8 or not content.body[: end if end >= 0 else None].isascii()
    return Needs(size=content.size, eight_bit=eight_bit, utf8=utf8, requiretls=message.requiretls)


def malformed_sender(sender: str) -> Refusal | None:
    if not sender or sound(sender):
        return None
    return Outcome.BOUNCED, 553, "5.1.7", "the sender's address cannot be written in SMTP"


def letter_refused(letter: Needs, peer: Capabilities, host: str) -> Refusal | None:
    """Why no recipient behind this peer can get the letter; None when nothing is in the way."""
    if peer.size and letter.size > peer.size:  # RFC 1870 6.1
        return _bounce(552, "5.3.4", f"the letter has {letter.size} octets, {host} takes {peer.size}")
    if letter.utf8 and not peer.utf8:
        return _bounce(553, "5.6.7", f"{host} does not support SMTPUTF8, which the letter needs")
    return None


def inconvertible(host: str) -> Refusal:
    return _bounce(554, "5.6.3", f"{host} does not support 8BITMIME, and the letter cannot be converted")


def recipient_refused(address: str, peer: Capabilities, host: str) -> Refusal | None:
    if not sound(address):
        return _bounce(553, "5.1.3", "the address cannot be written in SMTP")
    if not address.isascii() and not peer.utf8:
        return _bounce(553, "5.6.7", f"{host} does not support SMTPUTF8, which the address needs")
    return None


def insecure(letter: Needs, peer: Capabilities, *, verified: bool, host: str) -> Refusal | None:
    """RFC 8689 4.2.1: another host may do; if none does, the letter is returned."""
    if not letter.requiretls:
        return None
    if not verified:
        return _bounce(550, "5.7.10", f"REQUIRETLS: {host} does not offer TLS")
    if not peer.requiretls:
        return _bounce(550, "5.7.30", f"REQUIRETLS is not supported by {host}")
    return None


def _bounce(code: int, enhanced: str, text: str) -> Refusal:
    return Outcome.BOUNCED, code, enhanced, text
