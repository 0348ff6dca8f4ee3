"""DELE (RFC 1939 5): marks a message; it goes in the UPDATE state, after QUIT, and not before (CASES H13)."""

from __future__ import annotations

from yubin.pop3.command import message_number
from yubin.pop3.dialogue import Dialogue


def dele(d: Dialogue, argument: str) -> None:
    number = d.maildrop.message(message_number(argument))
    d.maildrop.deleted.add(number)
    d.ok("Marked")
