"""Commands that have no arguments: CAPABILITY, NOOP, LOGOUT, STARTTLS, CHECK, CLOSE, UNSELECT, IDLE, NAMESPACE
and UNAUTHENTICATE.
"""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, slots=True)
class Args:
    pass


_ARGS = Args()


def parse(p: Parser) -> Args:  # noqa: ARG001 - what follows is for Parser.end
    return _ARGS
