"""What is wrong with a command: a reply waiting to be rendered."""

from __future__ import annotations


class Flaw(Exception):  # noqa: N818 - as yubin.errors.Failure
    """``text`` has nothing of what the client sent. ``status`` BAD or NO, ``code`` a response code without its brackets."""

    def __init__(self, text: str, *, code: str = "", status: str = "BAD") -> None:
        super().__init__(text)
        self.text, self.code, self.status = text, code, status
