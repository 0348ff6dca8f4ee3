"""SORT (RFC 5256 3, RFC 5267 3, RFC 5957 5)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import sort
from yubin.imap.commands.keys import All, Text


def test_every_criterion():
    """RFC 5256 3, RFC 5957 5; REVERSE is of the one behind it."""
    names = ("ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO")
    written = " ".join(f"reverse {name.lower()} {name}" for name in names)
    assert args(f"SORT ({written}) UTF-8 ALL".encode()) == sort.Args(
        criteria=tuple(
            sort.Criterion(name=name, reverse=reverse) for name in names for reverse in (True, False)
        ),
        charset="UTF-8",
        key=All(),
    )


def test_return():
    """RFC 5267 3."""
    said = args(b"UID SORT RETURN (COUNT PARTIAL 1:5) (DATE) UTF-8 ALL")
    assert (said.returns, said.partial, said.uid) == (frozenset({"COUNT", "PARTIAL"}), (1, 5), True)


def test_the_charset_is_that_of_the_keys():
    """It is always there."""
    said = args(b"SORT (DATE) iso-2022-jp TEXT {10+}\r\n" + "日本".encode("iso-2022-jp"))
    assert said.key == Text(where="TEXT", text="日本")
    assert flaw(b"SORT (DATE) klingon ALL").code.startswith("BADCHARSET")


@pytest.mark.parametrize(
    "rest",
    [b"", b" DATE UTF-8 ALL", b" () UTF-8 ALL", b" (FOO) UTF-8 ALL", b" (REVERSE) UTF-8 ALL", b" (DISPLAYCC) UTF-8 ALL", b" (DATE) UTF-8", b" (DATE)",
     b" (REVERSE REVERSE DATE) UTF-8 ALL", b" RETURN (DATE) UTF-8 ALL"],
)  # fmt: skip
def test_no_sort(rest):
    """Criteria, charset, keys."""
    assert flaw(b"SORT" + rest).status == "BAD"
