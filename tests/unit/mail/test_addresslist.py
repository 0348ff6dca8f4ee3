"""Address lists for showing: everything that can be read is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.mail.addresslist import GROUP_END, LIMIT, Address, read


def plain(local: bytes, host: bytes, name: bytes | None = None) -> Address:
    return Address(name, None, local, host)


def group(name: bytes) -> Address:
    return Address(None, None, name, None)


BOB = plain(b"bob", b"example.org")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"bob@example.org", [BOB]),
        (b" Bob  B. <bob@example.org> ", [plain(b"bob", b"example.org", b"Bob B.")]),
        (b'"B, \\"b\\"" <bob@example.org>, bob@example.org', [plain(b"bob", b"example.org", b'B, "b"'), BOB]),
        (b"=?utf-8?B?5bGx?= <bob@example.org>", [plain(b"bob", b"example.org", b"=?utf-8?B?5bGx?=")]),
        (b"\xe5\xb1\xb1 <bob@example.org>", [plain(b"bob", b"example.org", b"\xe5\xb1\xb1")]),
        (b"bob@example.org (Bob B.)", [plain(b"bob", b"example.org", b"Bob B.")]),
        (b"Bob (the\\) (first)) B. <bob(x)@example . org>", [plain(b"bob", b"example.org", b"Bob B.")]),
        (b"<@a,@b:bob@example.org>", [Address(None, b"@a,@b", b"bob", b"example.org")]),
        (
            b"friends: bob@example.org, <c@d>;, x@y",
            [group(b"friends"), BOB, plain(b"c", b"d"), GROUP_END, plain(b"x", b"y")],
        ),
        (b"undisclosed-recipients:;", [group(b"undisclosed-recipients"), GROUP_END]),
        (b"open: bob@example.org", [group(b"open"), BOB, GROUP_END]),
        (b"a: b: bob@example.org;", [group(b"a"), plain(b"bob", b"example.org"), GROUP_END]),
        (b",, bob@example.org ,\r\n ,", [BOB]),
        (b"bob@example.org; x@y", [BOB, plain(b"x", b"y")]),
        (b"bob@[192.0.2.1]", [plain(b"bob", b"[192.0.2.1]")]),
        (b'"a b"@example.org', [plain(b"a b", b"example.org")]),
        (b"a..b.@example.org", [plain(b"a..b.", b"example.org")]),
        (b"bob", [plain(b"bob", b"MISSING_DOMAIN")]),
        (b"Bob <>", [plain(b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"Bob")]),
        (b"Bob <bob@example.org", [plain(b"bob", b"example.org", b"Bob")]),
        (b"bob@example.org> x", [plain(b"bob", b"example.org>x")]),
        (b'"Bob <bob@example.org>, x@y', [plain(b"bob", b"example.org", b"Bob"), plain(b"x", b"y")]),
        (b"Bob (( <bob@example.org>, x@y", [plain(b"bob", b"example.org", b"Bob"), plain(b"x", b"y")]),
        (b"a@b@example.org", [plain(b"a@b", b"example.org")]),
        (b"bob@", [plain(b"bob", b"MISSING_DOMAIN")]),
        (b"@example.org", [plain(b"MISSING_MAILBOX", b"example.org")]),
        (b"bob@example.org <bob@example.org>", [plain(b"bob", b"example.org", b"bob@example.org")]),
        (b"b\0ob@example.org", [plain(b"bob", b"example.org")]),
        (b"", []),
        (b"()", []),
        (b" \r\n ", []),
    ],
)
def test_lists(value, found):
    """RFC 5322 3.4 and 4.4, and what is written instead."""
    assert read(value) == found


def test_a_list_is_cut():
    """CASES G4: a thousand addresses of a field; a hundred thousand cost no more than the first 64 KiB."""
    for value in (b"a@b," * 500_000, b"a b <a@b>," * 100_000, b"g:a@b;" * 100_000, b"x," * 100_000):
        assert within(0.2, lambda value=value: read(value))
        assert len(read(value)) <= LIMIT + 1


ODD = [
    b"(",
    b'"',
    b"\\",
    b'\\"',
    b"<",
    b">",
    b"@",
    b",",
    b";",
    b":",
    b"<@,",
    b"a@:",
    b"(((a",
    b"[",
    b"g:;",
    b".",
    b"a b ",
]


@pytest.mark.parametrize("odd", ODD)
def test_no_sign_costs_more_than_another(odd):
    """Ten times as much of it costs about ten times as much, not a hundred times."""
    assert within(0.3, lambda: read(b'x "y" (z) ' + odd * (60_000 // len(odd))))


@given(st.text('ab@<>(),;:."\\[] \n=?', max_size=60).map(str.encode))
def test_nothing_is_too_odd(value):
    """Octets of names and addresses come from the list; groups that begin also end."""
    depth = 0
    for address in read(value):
        if address.local is None:
            depth -= 1
        elif address.host is None:
            depth += 1
        assert 0 <= depth <= 1
    assert depth == 0
