"""What the verbs share: two refusals, and whether a password may be said."""

from __future__ import annotations

from yubin.errors import Invalid
from yubin.reception.conversation import Conversation


def sequence(text: str) -> Invalid:
    return Invalid(text, code=503, enhanced="5.5.1")


def no_argument(argument: str, verb: str) -> None:
    if argument:
        raise Invalid(f"{verb} takes no argument")


def secure(c: Conversation) -> bool:
    return bool(c.session.tls) or c.terms.auth_without_tls
