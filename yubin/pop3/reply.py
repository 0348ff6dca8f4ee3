"""Replies: +OK and -ERR (RFC 1939 3), and the response codes by which programs tell failures apart.

[AUTH]      the credentials do not hold (RFC 3206 4)
[SYS/TEMP]  works again later (RFC 3206 4)
[SYS/PERM]  needs somebody who helps (RFC 3206 4)
[IN-USE]    another session has the maildrop (RFC 2449 8.1.2)
"""

from __future__ import annotations

from typing import ClassVar

from yubin.errors import Denied, Exhausted, Failure, Internal, Unauthenticated

REPLY_LIMIT = 512  # octets of a reply's first line, CRLF included (RFC 2449 4)


class InUse(Exhausted):
    """Another session has the maildrop: the one failure that only POP3 has."""

    imap: ClassVar[str] = "INUSE"

    def __init__(self) -> None:
        super().__init__("Another session reads this maildrop; try again later")


def ok(text: str) -> bytes:
    return _line(f"+OK {text}")


def err(failure: Failure) -> bytes:
    code = response_code(failure)
    return _line(f"-ERR [{code}] {failure.text}" if code else f"-ERR {failure.text}")


def response_code(failure: Failure) -> str:
    """None ("") for what is wrong with the command itself: syntax, a message that is not there."""
    if isinstance(failure, InUse):
        return "IN-USE"
    if isinstance(failure, Unauthenticated):
        return "AUTH"
    if failure.temporary:
        return "SYS/TEMP"
    return "SYS/PERM" if isinstance(failure, Denied | Internal) else ""


def _line(text: str) -> bytes:
    return text.encode("ascii", "replace")[: REPLY_LIMIT - 2] + b"\r\n"
