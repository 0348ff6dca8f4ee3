"""AUTHENTICATE (RFC 9051 6.2.2, RFC 4959)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import authenticate


@pytest.mark.parametrize(
    ("command", "mechanism", "initial"),
    [
        (b"AUTHENTICATE plain", "PLAIN", None),
        (b"AUTHENTICATE SCRAM-SHA-256 biws", "SCRAM-SHA-256", b"n,,"),
        (b"AUTHENTICATE PLAIN =", "PLAIN", b""),  # RFC 4959 3
        (b"AUTHENTICATE PLAIN AGEAYg==", "PLAIN", b"\0a\0b"),
    ],
)
def test_authenticate(command, mechanism, initial):
    """An initial response comes decoded; "=" is an empty one."""
    assert args(command) == authenticate.Args(mechanism=mechanism, initial=initial)


def test_an_initial_response_is_not_shown():
    """It has a password in it."""
    assert "AGEAYg" not in repr(args(b"AUTHENTICATE PLAIN AGEAYg=="))
    assert "x00b" not in repr(args(b"AUTHENTICATE PLAIN AGEAYg=="))


@pytest.mark.parametrize(
    "rest", [b"", b" PLAIN AGEAYg=", b" PLAIN AGE AYg=", b" PLAIN ==", b" PLAIN A", b" PLAIN *", b' "PLAIN"']
)
def test_no_authenticate(rest):
    """Base64 is read strictly."""
    assert flaw(b"AUTHENTICATE" + rest).status == "BAD"
