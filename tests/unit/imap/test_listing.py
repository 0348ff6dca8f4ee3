"""LIST, LSUB, STATUS, NAMESPACE and quota, as the RFCs print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.imap_text import parse
from yubin.imap import listing, names, quota, quoting


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (listing.list_("foo", ["\\Noselect"], utf8=False), b'* LIST (\\Noselect) "/" foo'),
        (listing.list_("~/Mail/foo", [], utf8=False), b'* LIST () "/" ~/Mail/foo'),
        (
            listing.list_("Foo", ["\\NonExistent"], utf8=False, childinfo=["SUBSCRIBED"]),
            b'* LIST (\\NonExistent) "/" Foo ("CHILDINFO" ("SUBSCRIBED"))',
        ),
        (
            listing.list_("NewMailbox", [], utf8=True, oldname="OldMailbox"),
            b'* LIST () "/" NewMailbox ("OLDNAME" (OldMailbox))',
        ),
        (listing.list_("台北", [], utf8=False), b'* LIST () "/" &U,BTFw-'),
        (listing.list_("台北", [], utf8=True), '* LIST () "/" "台北"'.encode()),
        (listing.list_('a "b"\\c', [], utf8=False), b'* LIST () "/" "a \\"b\\"\\\\c"'),
        (listing.list_("nil", [], utf8=False), b'* LIST () "/" "nil"'),
        (listing.lsub("#news.comp.mail", [], utf8=False), b'* LSUB () "/" #news.comp.mail'),
        (listing.separator(), b'* LIST (\\Noselect) "/" ""'),
        (
            listing.status("blurdybloop", {"MESSAGES": 231, "UIDNEXT": 44292}, utf8=False),
            b"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
        ),
        (
            listing.status("a b", {"MAILBOXID": "F2212ea87", "APPENDLIMIT": None}, utf8=False),
            b'* STATUS "a b" (MAILBOXID (F2212ea87) APPENDLIMIT NIL)',
        ),
        (listing.namespace(), b'* NAMESPACE (("" "/")) NIL NIL'),
        (quota.quota({"STORAGE": (10, 512)}), b'* QUOTA "" (STORAGE 10 512)'),
        (quota.quota({}), b'* QUOTA "" ()'),
        (quota.quotaroot("INBOX", utf8=False), b'* QUOTAROOT INBOX ""'),
        (quota.quotaroot("comp.mail.mime", utf8=False, limited=False), b"* QUOTAROOT comp.mail.mime"),
    ],
)
def test_a_response_is_as_the_rfc_prints_it(line, printed):
    """Names, attributes and extended data in their places, and one line end."""
    assert line == printed + b"\r\n"


@given(st.text(max_size=40), st.booleans())
def test_any_name_comes_back(name, utf8):
    """What a client reads is the name, in whichever form it is written (RFC 3501 5.1.3, RFC 6855 3)."""
    name = name.encode(errors="replace").decode().replace("\0", "?")
    written = quoting.mailbox(name, utf8=utf8)
    if written[:1] in {b'"', b"{"}:
        written = parse(written, strict=not utf8 or written.isascii())
    assert (written.decode() if utf8 else names.decode(written)) == name


@given(st.binary(max_size=30))
def test_octets_that_are_no_atom_are_quoted_or_a_literal(octets):
    """RFC 3501 9 astring: what stands bare has no special character, and is not NIL."""
    written = quoting.astring(octets)
    if written[:1] not in {b'"', b"{"}:
        assert written == octets
        assert not set(written) & set(b'(){ %*"\\]')
        assert written.upper() != b"NIL"
        assert written


def test_used_storage_is_rounded_up():
    """RFC 9208 5.1: one octet is one unit."""
    assert [quota.units(n) for n in (0, 1, 1024, 1025)] == [0, 1, 1, 2]
