"""SORT: each criterion of RFC 5256, several of them, and letters that are equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.imap.collation import collate
from yubin.imap.commands.sort import Criterion
from yubin.imap.sort import Sorting, first_display, first_mailbox
from yubin.mail import addresslist
from yubin.mail.summary import Summary, correspondents

ROWS = [
    (1, 300.0, 50, Summary(base="beta", from_="Zoe <adam@x>", to="c@x", date=30.0)),
    (2, 200.0, 50, Summary(base="Alpha", from_="bob@x", to="A <b@x>, z@x", cc="k@x")),
    (3, 100.0, 90, Summary(base="alpha", from_="Adam <carol@x>", date=10.0)),
]


def order(*names: str) -> list[int]:
    """``-NAME`` for REVERSE."""
    sorting = Sorting([Criterion(name=name.lstrip("-"), reverse=name.startswith("-")) for name in names])
    for number, received, size, about in ROWS:
        sorting.add(number, received=received, size=size, summary=about)
    return sorting.order()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["ARRIVAL"], [3, 2, 1]),
        (["-ARRIVAL"], [1, 2, 3]),
        (["SIZE"], [1, 2, 3]),
        (["-SIZE"], [3, 1, 2]),
        (["DATE"], [3, 1, 2]),
        (["SUBJECT"], [2, 3, 1]),
        (["-SUBJECT"], [1, 2, 3]),
        (["FROM"], [1, 2, 3]),
        (["TO"], [3, 2, 1]),
        (["CC"], [1, 3, 2]),
        (["DISPLAYFROM"], [3, 2, 1]),
        (["DISPLAYTO"], [3, 2, 1]),
        (["SUBJECT", "-DATE"], [2, 3, 1]),
        (["SUBJECT", "DATE"], [3, 2, 1]),
        (["-SIZE", "ARRIVAL"], [3, 2, 1]),
    ],
)
def test_an_order(names, found):
    """RFC 5256 3, RFC 5957: what is equal stays in the order of the mailbox; a letter without a date has that of arrival."""
    assert order(*names) == found


def test_only_what_is_needed_is_read():
    """ARRIVAL and SIZE come with the row."""
    assert not Sorting([Criterion(name="ARRIVAL"), Criterion(name="SIZE", reverse=True)]).needs_summary
    assert Sorting([Criterion(name="SIZE"), Criterion(name="DATE")]).needs_summary


@pytest.mark.parametrize(
    ("field", "mailbox", "display"),
    [
        (b"", "", ""),
        (b"taro@example.jp", "taro", "taro@example.jp"),
        (b"Taro <taro@example.jp>, x@y", "taro", "Taro"),
        (b'"Doe, John" <jd@x>, b@c', "jd", "Doe, John"),
        (b"a@b, Taro <taro@example.jp>", "a", "a@b"),
        (b"Friends: a@b, c@d;", "Friends", "Friends"),
        (b"undisclosed-recipients:;", "undisclosed-recipients", "undisclosed-recipients"),
        (b"=?utf-8?B?5aSq6YOO?= <taro@x>", "taro", "太郎"),
    ],
)
def test_the_first_address(field, mailbox, display):
    """RFC 5256 3: addr-mailbox of the first one in the ENVELOPE; RFC 5957 3: its name, or itself."""
    shown = correspondents(addresslist.read(field))
    assert (first_mailbox(shown), first_display(shown)) == (mailbox, display)


@given(st.text(max_size=60))
def test_any_list_has_a_first_address(shown):
    """Whatever a letter says, SORT has a key for it."""
    assert isinstance(first_mailbox(shown), str)
    assert isinstance(first_display(shown), str)


def test_text_is_compared_by_unicode_casemap():
    """RFC 5051 2: case and compatibility forms do not matter."""
    assert collate("ÉTÉ") == collate("été")
    assert collate("ＡＢＣ") == collate("ABC".title())
    assert collate("abc") == collate("ABC")
    assert len(collate("a\u0301" * 100_000)) <= 2 * 1000
