"""STORE (RFC 9051 6.4.6, RFC 7162 3.1.3)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import store
from yubin.imap.sets import SequenceSet

ONE = SequenceSet(ranges=((1, 1),))


@pytest.mark.parametrize(
    ("rest", "wanted"),
    [
        (b"1 FLAGS (\\Seen)", {"how": "", "flags": ("\\Seen",)}),
        (b"1 +flags (\\Seen $x)", {"how": "+", "flags": ("\\Seen", "$x")}),
        (b"1 -FLAGS.SILENT \\Seen x", {"how": "-", "flags": ("\\Seen", "x"), "silent": True}),
        (b"1 FLAGS ()", {"how": "", "flags": ()}),
        (b"1 (UNCHANGEDSINCE 0) +FLAGS (a)", {"how": "+", "flags": ("a",), "unchanged_since": 0}),
        (
            b"1 (unchangedsince 9223372036854775807) FLAGS a",
            {"how": "", "flags": ("a",), "unchanged_since": 2**63 - 1},
        ),
    ],
)
def test_store(rest, wanted):
    """In parentheses or not, silent or not, conditional or not."""
    assert args(b"STORE " + rest) == store.Args(set=ONE, **wanted)


@pytest.mark.parametrize(
    "rest",
    [b"", b" 1", b" 1 FLAGS", b" 1 FLAGS ", b" 1 *FLAGS (a)", b" 1 FLAG (a)", b" 1 FLAGS (a", b" 1 FLAGS a  b",
     b" 1 FLAGS.LOUD (a)", b" 1 FLAGS (\\*)", b" 1 () FLAGS (a)", b" 1 (UNCHANGEDSINCE) FLAGS (a)",
     b" 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS (a)", b" 1 (UNCHANGEDSINCE 9223372036854775809) FLAGS (a)",
     b" 1 (UNCHANGEDSINCE -1) FLAGS (a)", b" 1 FLAGS (a) b"],
)  # fmt: skip
def test_no_store(rest):
    """CASES H16: MODSEQ 2^63+1 is BAD."""
    assert flaw(b"STORE" + rest).status == "BAD"


def test_many_flags():
    """CASES H6: [LIMIT], with parentheses or without."""
    assert flaw(b"STORE 1 FLAGS (" + b"a " * 1000 + b"a)").code == "LIMIT"
    assert flaw(b"STORE 1 FLAGS" + b" a" * 1000).code == "LIMIT"
