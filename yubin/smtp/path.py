"""Reverse-path and Forward-path of MAIL and RCPT (RFC 5321 4.1.2), with UTF-8 where SMTPUTF8 allows it (RFC 6531 3.3).

    Path   = "<" [ A-d-l ":" ] Mailbox ">"

A source route is read and ignored, as RFC 5321 4.1.1.3 wants. Two slips of old mail programs are forgiven, as Postfix
does: one space after the colon, and a Mailbox without its brackets. Each function returns what it read and the place
behind it, and runs in time linear in the path.
"""

from __future__ import annotations

import re

from yubin.errors import Failure, Invalid
from yubin.mail.address import Address

PATH_LIMIT = 256  # octets with the brackets, RFC 5321 4.5.3.1.3

_PATH = re.compile(r' ?(<(?:@[^:<>"\s]+:)?((?:"(?:[^"\\]|\\.)*"|[^"<>\s])*)>)')
_BARE = re.compile(r' ?(((?:"(?:[^"\\]|\\.)*"|[^"<>\s])+))')


def _path(text: str, at: int, enhanced: str) -> tuple[str, int]:
    """The Mailbox between the brackets, unparsed, and where the path ends."""
    found = _PATH.match(text, at) or _BARE.match(text, at)
    if not found or text[found.end() : found.end() + 1] not in {"", " "}:
        raise Invalid("Bad path syntax: <address> is wanted", enhanced=enhanced)
    if len(found[1].encode()) > PATH_LIMIT:  # RFC 5321 4.5.3.1.10: "501 Path too long"
        raise Invalid("Path too long", enhanced=enhanced)
    return found[2], found.end()


def reverse_path(text: str, at: int) -> tuple[Address | None, int]:
    """Of MAIL; None is the null reverse-path. Errors are those of a sender: 5.1.7, 5.1.8 (RFC 3463 3.2)."""
    mailbox, end = _path(text, at, "5.1.7")
    if not mailbox:
        return None, end
    try:
        return Address.parse(mailbox), end
    except Failure as failure:
        enhanced = {"5.1.2": "5.1.8"}.get(failure.enhanced, "5.1.7")
        raise Invalid(failure.text, code=failure.code, enhanced=enhanced) from failure


def forward_path(text: str, at: int, here: str) -> tuple[Address, int]:
    """Of RCPT; ``<Postmaster>`` is the one mailbox without a domain (RFC 5321 4.1.1.3): it is at ``here``."""
    mailbox, end = _path(text, at, "5.1.3")
    if mailbox.lower() == "postmaster":
        return Address(local=mailbox, domain=here), end
    return Address.parse(mailbox), end
