"""LIST (RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import list as listing


@pytest.mark.parametrize(
    ("command", "reference", "pattern"),
    [
        (b'LIST "" *', "", "*"),
        (b'LIST "" ""', "", ""),
        (b'LIST "~/a" "%/&ZeVnLIqe-*"', "~/a", "%/日本語*"),
        (b"LIST a/ {3+}\r\n%]x", "a/", "%]x"),
    ],
)
def test_plain(command, reference, pattern):
    """RFC 3501 6.3.8: a reference and a pattern."""
    assert args(command) == listing.Args(reference=reference, patterns=(pattern,))


def test_extended():
    """RFC 5258 3, RFC 5819 2, RFC 6154 5.1."""
    command = b'LIST (SUBSCRIBED recursivematch) "" ("INBOX" Sent/%) RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))'
    assert args(command) == listing.Args(
        reference="",
        patterns=("INBOX", "Sent/%"),
        extended=True,
        selection=frozenset({"SUBSCRIBED", "RECURSIVEMATCH"}),
        returns=frozenset({"CHILDREN", "SPECIAL-USE", "STATUS"}),
        status=("MESSAGES", "UNSEEN"),
    )


@pytest.mark.parametrize("command", [b'LIST () "" *', b'LIST "" (*)', b'LIST "" * RETURN ()'])
def test_each_sign_of_an_extended_list(command):
    """RFC 5258 3: any of the three."""
    assert args(command) == listing.Args(reference="", patterns=("*",), extended=True)


@pytest.mark.parametrize(
    "rest",
    [b"", b' ""', b' "" ()', b' "" * x', b' (FOO) "" *', b' (RECURSIVEMATCH) "" *', b' (RECURSIVEMATCH REMOTE) "" *',
     b' "" * RETURN (FOO)', b' "" * RETURN', b' "" * RETURN (STATUS)', b' "" * RETURN (STATUS ())', b' "" (a  b)', b" * *"],
)  # fmt: skip
def test_no_list(rest):
    """RFC 5258 3.1: RECURSIVEMATCH says nothing alone."""
    assert flaw(b"LIST" + rest).status == "BAD"


def test_many_patterns():
    """CASES H6: [LIMIT]."""
    assert flaw(b'LIST "" (' + b"a " * 1000 + b"a)").code == "LIMIT"
