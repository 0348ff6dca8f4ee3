"""ENVELOPE: the ten fields, always in a form that clients can read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.conformance import imap_text
from tests.unit.mail.timing import within
from yubin.imap.envelope import envelope
from yubin.mail import fields


def of(raw: bytes) -> bytes:
    return envelope(raw, fields.read(raw))


def test_the_example_of_the_rfc():
    """RFC 3501 8: FETCH 12 FULL, word for word."""
    raw = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nSubject: IMAP4rev1 WG mtg summary and minutes\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\nSender: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Reply-To: Terry Gray <gray@cac.washington.edu>\r\nTo: imap@cac.washington.edu\r\n"
        b"Cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\nMessage-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n"
    )
    assert of(raw) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")'
    )


def test_nothing_is_nil():
    """CASES G11: an empty letter has an envelope."""
    assert of(b"") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_an_empty_field_is_an_empty_string():
    """RFC 3501 7.4.2: NIL is for what is not there; Sender and Reply-To that name nobody are From."""
    assert of(b"Subject:\r\nFrom: a@b\r\nSender:\r\nReply-To: ,\r\nIn-Reply-To: \r\n\r\n") == (
        b'(NIL "" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL "" NIL)'
    )


def test_encoded_words_stay_and_folds_go():
    """RFC 3501 7.4.2: the client decodes; octets beyond ASCII and NULs go in literals."""
    raw = b"Subject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\nFrom: \xe5\xb1\xb1 <a@b>\r\nTo: x\0y@z\r\n\r\n"
    assert of(raw).startswith(b'(NIL "=?utf-8?Q?a?= =?utf-8?Q?b?=" (({3}\r\n\xe5\xb1\xb1 NIL "a" "b"))')


def test_groups_have_their_marks():
    """RFC 3501 7.4.2: NIL hosts begin and end them."""
    assert b'((NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL))' in of(b"To: g: a@b;\r\n\r\n")


def test_fields_that_come_twice():
    """RFC 5322 4.5.3: recipients are taken together, of the others the first counts."""
    read = of(b"To: a@b\r\nSubject: one\r\nTo: c@d\r\nSubject: two\r\nFrom: e@f\r\nFrom: g@h\r\n\r\n")
    assert b'((NIL NIL "a" "b")(NIL NIL "c" "d"))' in read
    assert b'"one"' in read
    assert b"two" not in read
    assert b'"g"' not in read


def test_a_flood_of_addresses_is_cut():
    """CASES G4: 500,000 addresses, in one field or in as many, and a header of 10 MB: within two seconds, and bounded."""
    for raw in (
        b"To: " + b"someone@example.org, " * 500_000 + b"\r\n\r\n",
        b"To: someone@example.org\r\n" * 500_000 + b"\r\n",
        b"From: someone@example.org\r\n" * 100_000 + b"\r\n",
        b"X-Padding: " + b"x" * 10_000_000 + b"\r\nFrom: a@b\r\n\r\n",
    ):
        assert within(2, lambda raw=raw: of(raw))
        assert of(raw).count(b"someone") <= 3 * 1000
        assert len(of(raw)) < 256 * 1024


@given(st.text('ab@<>(),;:."\\[] \n=?\0é', max_size=60).map(str.encode))
def test_any_addresses_give_an_envelope_that_can_be_read(value):
    """The grammar holds whatever stands in the header."""
    written = of(b"From: %b\r\nTo: %b\r\nSubject: %b\r\n\r\n" % (value, value, value))
    assert len(imap_text.envelope(imap_text.parse(written, strict=True))) == 10
