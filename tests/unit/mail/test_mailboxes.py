"""Addresses in From and Sender: what a mail program may write, and what nobody may pass off as another."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.mail.header import mailboxes


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"a@example.org", ["a@example.org"]),
        (b" =?utf-8?B?5bGx55Sw?= <a@example.org> ", ["a@example.org"]),
        ("山田 太郎 <yamada@example.jp>".encode(), ["yamada@example.jp"]),
        ("佐藤@例え.jp".encode(), ["佐藤@例え.jp"]),
        (b'"Doe, John" <a@b.org>, c@d.org', ["a@b.org", "c@d.org"]),
        (b'"victim@bank.org" <me@example.org>', ["me@example.org"]),
        (b"victim (at bank) <me@example.org>", ["me@example.org"]),
        (b"(c1 (nested \\) ) <x@y>) me@example.org (after)", ["me@example.org"]),
        (b"J. R. Doe <j@example.org>", ["j@example.org"]),
        (b'"a b"@example.org', ['"a b"@example.org']),
        (b'"ab"@example.org', ["ab@example.org"]),
        (b'"a\\"b"@example.org', ['"a\\"b"@example.org']),
        (b"a . b @ example . org", ["a.b@example.org"]),
        (b"a..b.@example.org", ['"a..b."@example.org']),
        (b"<@relay.org,@other.org:a@example.org>", ["a@example.org"]),
        (b"Team: a@b.org, B <c@d.org>;", ["a@b.org", "c@d.org"]),
        (b"undisclosed-recipients:;", []),
        (b"", []),
        (b",, a@b.org ,", ["a@b.org"]),
        (b"a@[127.0.0.1], b@[IPv6:::1]", ["a@[127.0.0.1]", "b@[IPv6:::1]"]),
        (b"Folded\r\n Name <a@b.org>,\r\n\tc@d.org", ["a@b.org", "c@d.org"]),
        (b"\xff\xfe name <a@b.org>", ["a@b.org"]),
        (b"a@b.org <a@b.org>, c@d.org", ["a@b.org", "c@d.org"]),
    ],
)
def test_forms_of_addresses(value, found):
    """RFC 5322 3.4 and 4.4: comments, quotes, groups, routes; a display name never counts as an address."""
    assert mailboxes(value) == found


@pytest.mark.parametrize(
    "value",
    [
        b"nobody", b"a@", b"@b", b"a b@example.org", b"<>", b"a@b c@d", b"a@b.org <c@d.org>", b"a@b.org <a@b.org> <a@b.org>", b"a@b.org <a@b.org", b"<a@b.org> c@d.org", b"<a@b.org",
        b"a@b.org>", b'"open', b"(open", b"a@b..c", b"a@.b", b"a@b@c", b"Team: a@b.org", b"x: y: a@b;", b"a@b;", b"a\0b@c.org",
        b"<a@b.org\r\nBcc: x@y>", b'"a\r\nb"@c.org', b"\xff@b.org", b"a@[1.2.3.4", b"<a@b.org><c@d.org>", b".@b.org", b"\\@b.org",
    ],
)  # fmt: skip
def test_nonsense_is_refused(value):
    """CASES F5: what two programs could read differently is no From; the reply is 5.6.0 and shows nothing unprintable."""
    with pytest.raises(Invalid) as refused:
        mailboxes(value)
    assert refused.value.enhanced == "5.6.0"
    assert refused.value.text.isprintable()


@pytest.mark.parametrize(
    "part",
    [
        b"(",
        b"((",
        b"()",
        b'"',
        b'""',
        b"\\",
        b"a:",
        b"<",
        b"@",
        b",",
        b".",
        b'"\\"',
        b"a b ",
        b"[",
        b"<@a:",
        b"a@b,",
    ],
)
def test_hostile_repetition_stays_linear(part):
    """CASES G4: 250 KB of any one thing cost less than a second."""
    value = part * (250_000 // len(part))
    start = time.process_time()
    with contextlib.suppress(Invalid):
        mailboxes(value)
    assert time.process_time() - start < 1.5


@given(st.binary(max_size=200))
def test_any_bytes_give_addresses_or_invalid(value):
    """CASES G8: no other exception, and every address is printable and has a local part and a domain."""
    try:
        found = mailboxes(value)
    except Invalid:
        return
    assert all(spec.isprintable() and spec.rpartition("@")[0] and spec.rpartition("@")[2] for spec in found)
