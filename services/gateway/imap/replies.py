"""What a verb's handler answers: ``Reply`` becomes the tagged OK; ``No`` and ``BadCommand`` are raised.

Any yubin.errors.Failure may be raised too and is rendered as NO with the code that it has in IMAP (RFC 5530). ``code``
is a response code without its brackets; yubin.imap.codes makes them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """``then`` runs when the reply has left: STARTTLS, COMPRESS and LOGOUT change the connection behind it."""

    text: str
    code: str = ""
    then: Callable[[], Awaitable[None]] | None = None


class No(Exception):  # noqa: N818 - a reply waiting to be rendered
    """The command is right and fails: tagged NO."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.text, self.code = text, code


class BadCommand(Exception):  # noqa: N818 - the same
    """The command cannot be meant so: tagged BAD."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.text, self.code = text, code
