"""What the mx puts in front of a letter, what it takes out, and that it leaves the rest alone."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mx.letter import arrived, authserv_id, return_path
from yubin.errors import Invalid, TooBig

FRONT = (b"Return-Path: <a@a.test>\r\n", b"Received: by mx.test\r\n")
WHOLE = b"From: a@a.test\r\nSubject: x\r\n\r\nhello\r\n"


def kept(content, hops=50):
    body, digest = arrived(content, hostname="mx.test", hops=hops).kept(*FRONT)
    assert digest == sha256(body).digest()
    return body


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"no colon at all\r\n",
        b"Subject: no end",
        b"__proto__: x\r\n__class__: y\r\nno colon\r\n: empty\r\n\r\n\0\xff\xfe\r\n",
        b"From x Mon Jan  1\r\nSubject: y\r\n\r\n",
        b"Content-Type: a\r\n" * 100 + b"\r\n\xe3\x81",
        b"Subject: " + b"x" * 200_000 + b"\r\n\r\n",
        b"Bcc: secret@a.test\r\nAuthentication-Results: other.test; spf=pass\r\n\r\n",
        b"A: Return-Path: x\r\n\r\nReturn-Path: <b@b.test>\r\n",
    ],
)
def test_the_bytes_that_came_are_kept(content):
    """CASES G8, G11, G12: two fields in front, and then exactly what came in."""
    assert kept(content) == b"".join(FRONT) + content


@given(st.binary(max_size=300))
def test_any_bytes_are_kept(tail):
    """CASES G12: whatever it is."""
    assert kept(b"X: y\r\n\r\n" + tail).endswith(b"X: y\r\n\r\n" + tail)


def test_white_space_does_not_become_part_of_our_own_field():
    """RFC 5322 2.2.3: a letter that begins with white space would fold into Received."""
    assert kept(b" by evil.test\r\n\r\nx") == b"".join(FRONT) + b"\r\n by evil.test\r\n\r\nx"


def test_a_return_path_that_came_along_goes():
    """RFC 5321 4.4: only the last server writes it; all that were there lie."""
    content = (
        b"Return-Path: <x@x.test>\r\nA: 1\r\nreturn-path:\r\n <y@y.test>\r\nB: 2\r\n\r\nReturn-Path: body\r\n"
    )
    assert kept(content) == b"".join(FRONT) + b"A: 1\r\nB: 2\r\n\r\nReturn-Path: body\r\n"


@pytest.mark.parametrize(
    "claim",
    [
        b" mx.test; spf=pass",
        b" MX.test 1; dkim=pass",
        b"\r\n\t(a (nested) \\) comment) mx.test; none",
        b' "mx.test"; none',
        b' "mx\\.test"',
        b" mx.test",
        b" (" + b"x" * 2000 + b") mx.test; spf=pass",
        b" (((" * 300 + b" mx.test; spf=pass",
    ],
)
def test_results_that_claim_to_be_ours_go(claim):
    """CASES K6, RFC 8601 5: in any spelling; and one whose author cannot be found out."""
    assert kept(b"Authentication-Results:" + claim + b"\r\n" + WHOLE) == b"".join(FRONT) + WHOLE


@pytest.mark.parametrize(
    "claim",
    [b" mx.test.evil; spf=pass", b" xmx.test; none", b" other.test (mx.test); none", b' "mx.test "; x'],
)
def test_results_of_others_stay(claim):
    """RFC 8601 5: they are no claim to be ours."""
    content = b"Authentication-Results:" + claim + b"\r\n" + WHOLE
    assert kept(content) == b"".join(FRONT) + content


def test_who_made_results():
    """RFC 8601 2.2: a token or a quoted string; None when there is neither."""
    assert authserv_id(b" a.test 1; none") == "a.test"
    assert authserv_id(b' "a \\"b"; none') == 'a "b'
    assert authserv_id(b" ; none") is None
    assert authserv_id(b"") is None


def test_a_letter_that_goes_in_circles():
    """CASES I4: 51 Received fields, 554 5.4.6; 50 are not too many."""
    kept(b"Received: x\r\n" * 50 + WHOLE)
    with pytest.raises(Invalid) as refused:
        kept(b"Received: x\r\n" * 51 + WHOLE)
    assert str(refused.value).startswith("554 5.4.6")
    kept(b"Received: x\r\n" * 51 + WHOLE, hops=100)


def test_a_header_without_end():
    """CASES G4: a header above the scanner's limits is 552."""
    with pytest.raises(TooBig):
        kept(b"From: a@a.test\r\n" * 100_000)


def test_what_is_sent_on_has_no_return_path():
    """RFC 5321 4.4: the field is not for servers on the way; an empty line is put in where it was missing."""
    letter = arrived(b"Return-Path: <x@x.test>\r\nA: 1\r\n\r\nhello", hostname="mx.test", hops=50)
    assert letter.onward().join(b"Received: x\r\n") == b"Received: x\r\nA: 1\r\n\r\nhello"
    letter = arrived(b"A: 1\r\nno colon\r\n", hostname="mx.test", hops=50)
    assert letter.onward().join() == b"A: 1\r\n\r\nno colon\r\n"
    assert arrived(b"A: 1", hostname="mx.test", hops=50).onward().join() == b"A: 1\r\n\r\n"


def test_what_a_filter_says():
    """A field and how its value begins, in any case."""
    letter = arrived(b"X-Spam-Flag: yes, very\r\n" + WHOLE, hostname="mx.test", hops=50)
    assert letter.says("x-spam-flag: YES")
    assert not letter.says("X-Spam-Flag: NO")
    assert not letter.says("X-Other: yes")


def test_the_null_sender_in_the_return_path():
    """RFC 5321 4.4, 4.5.5."""
    assert return_path("") == b"Return-Path: <>\r\n"
