"""Commands without arguments."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import nothing

_VERBS = [
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "STARTTLS",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "IDLE",
    "NAMESPACE",
    "UNAUTHENTICATE",
]


@pytest.mark.parametrize("verb", _VERBS)
def test_alone(verb):
    """RFC 9051 9, RFC 8437: the verb is all."""
    assert args(verb.encode()) == nothing.Args()


@pytest.mark.parametrize("verb", [*_VERBS, "EXPUNGE"])
def test_with_an_argument(verb):
    """BAD, not ignored: the client meant something else."""
    assert flaw(f"{verb} x".encode()).text.startswith("The end of the command is expected")
