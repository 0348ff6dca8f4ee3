"""The tolerant header scanner: like the strict one where letters are right, and never at a loss where they are not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yubin.mail import fields
from yubin.mail.header import FIELD_LIMIT, HEADER_LIMIT, scan


def _names(raw: bytes) -> list[str]:
    return [field.name for field in fields.read(raw).fields]


def test_a_proper_header_is_read_as_the_strict_scanner_reads_it():
    """Both give the same fields, offsets and beginning of the body."""
    raw = b"From: a@example.org\r\nSubject: one\r\n\ttwo\r\nX-A:\r\nTO : b@example.org\r\n\r\nbody\r\n"
    assert fields.read(raw) == scan(raw)


def test_a_line_without_a_colon_is_passed_over():
    """CASES G8: the section goes on to the empty line, as in Dovecot."""
    raw = b"From x@y Tue May 10\r\nA: 1\r\nno colon here\r\nB: 2\r\n\r\nC: body\r\n"
    headers = fields.read(raw)
    assert [field.name for field in headers.fields] == ["a", "b"]
    assert raw[headers.body :] == b"C: body\r\n"


def test_odd_names_are_only_names():
    """CASES G8: `__proto__` and `__class__` are fields like others, 8-bit names are none."""
    assert _names(b"__proto__: 1\r\n__class__: 2\r\n\xff: 3\r\nNUL\0: 4\r\nA: \0\xff\r\n\r\n") == [
        "__proto__",
        "__class__",
        "a",
    ]


def test_a_header_may_end_with_the_letter():
    """CASES G11: nothing, line ends only, and a header only are all letters."""
    assert fields.read(b"").body == 0
    assert fields.read(b"\r\n").body == 2
    assert fields.read(b"A: 1").fields[0].value == b" 1"
    assert fields.read(b"A: 1\r\n").body == 6


def test_an_editors_mark_before_the_first_field_does_not_hide_it():
    """U+FEFF is no part of a name."""
    assert _names(b"\xef\xbb\xbfMessage-ID: <a@b>\r\n\r\n") == ["message-id"]


def test_what_lies_beyond_the_limit_is_skipped_and_the_body_still_found():
    """CASES G4, G8: a field that the limit cuts counts with what it has; the empty line behind it is found."""
    raw = b"A: 1\r\nB: " + b"x" * (2 * HEADER_LIMIT) + b"\r\nC: 3\r\n\r\nbody"
    headers = fields.read(raw)
    assert [field.name for field in headers.fields] == ["a", "b"]
    assert len(headers.fields[1].value) < HEADER_LIMIT
    assert raw[headers.body :] == b"body"


def test_only_so_many_fields_count():
    """CASES G4: and so many lines that are none."""
    assert len(fields.read(b"A: 1\r\n" * (FIELD_LIMIT + 5) + b"\r\n").fields) == FIELD_LIMIT
    assert len(fields.read(b"A: 1\r\nx\r\n" * FIELD_LIMIT + b"\r\nbody").fields) == FIELD_LIMIT // 2


@given(st.binary(max_size=200), st.sampled_from([b"\n", b"\r\n"]))
def test_any_octets_have_a_header(raw, end):
    """The body begins within the letter, fields lie in order before it, and a proper line end changes nothing."""
    raw = raw.replace(b"~", end).replace(b"}", end * 2).replace(b"|", b": ")
    headers = fields.read(raw)
    assert 0 <= headers.end <= headers.body <= len(raw)
    last = 0
    for field in headers.fields:
        assert last <= field.start < field.end <= headers.end
        assert field.value in raw
        last = field.end


@given(st.lists(st.sampled_from([b"a: 1", b"b", b" c", b"", b"content-type: x/y"]), max_size=8))
def test_line_ends_of_both_kinds_say_the_same(lines):
    """CR LF and LF give the same fields."""
    assert _names(b"\r\n".join(lines)) == _names(b"\n".join(lines))
