"""Names of mailboxes: Unicode text in levels divided by "/", INBOX in any case (RFC 9051 5.1).

A name never becomes part of a path, an object's name or a query, so that nothing in it is dangerous (CASES H7); what is
refused would confuse people or other programs: control characters, wildcards, empty levels, lone surrogates.
"""

from __future__ import annotations

import unicodedata

from yubin.errors import Invalid
from yubin.mailboxes.port import INBOX

SEPARATOR = "/"
NAME_LIMIT = 1000  # octets of UTF-8
LEVELS = 30


def canonical(name: str) -> str:
    """Normal form C, INBOX in capitals (also as the first level). Raises Invalid ([CANNOT])."""
    text = unicodedata.normalize("NFC", name)
    if not text or len(text.encode("utf-8", "surrogatepass")) > NAME_LIMIT:
        raise Invalid(f"A mailbox has a name of 1 to {NAME_LIMIT} octets")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in text) or any(c in text for c in "%*"):
        raise Invalid("This character cannot be part of a mailbox' name")
    levels = text.split(SEPARATOR)
    if len(levels) > LEVELS:
        raise Invalid(f"Mailboxes lie at most {LEVELS} levels deep")
    if any(not level.strip() for level in levels):
        raise Invalid("A level of a mailbox' name is empty")
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    return SEPARATOR.join(levels)
