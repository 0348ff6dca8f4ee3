"""The header scanner: exact about offsets, linear and bounded about everything else."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import TooBig
from yubin.mail.header import HEADER_LIMIT, scan, unfold

LETTER = b"From: a@example.org\r\nSubject: one\r\n\ttwo\r\nX-A:\r\nTO : b@example.org\r\n\r\nbody\r\n"


def _took(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _refused(raw) -> None:
    with pytest.raises(TooBig):
        scan(raw)


def test_fields_know_their_names_values_and_offsets():
    """Names come in lower case, values as they stand; offsets cut the raw bytes exactly."""
    headers = scan(LETTER)
    assert [f.name for f in headers.fields] == ["from", "subject", "x-a", "to"]
    assert [f.value for f in headers.fields] == [b" a@example.org", b" one\r\n\ttwo", b"", b" b@example.org"]
    assert LETTER[headers.fields[1].start : headers.fields[1].end] == b"Subject: one\r\n\ttwo\r\n"
    assert LETTER[headers.body :] == b"body\r\n"
    assert headers.closed


def test_a_field_is_found_whatever_its_case():
    headers = scan(b"a: 1\r\nA: 2\r\n\r\n")
    assert [f.value for f in headers.all("A")] == [b" 1", b" 2"]
    assert headers.first("a").text == b"1"
    assert headers.first("b") is None


@pytest.mark.parametrize(
    ("raw", "names", "body"),
    [
        (b"", [], b""),
        (b"\r\n", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"a: 1", ["a"], b""),
        (b"a: 1\r\n", ["a"], b""),
        (b"a: 1\r\n\r\n", ["a"], b""),
        (b"a: 1\nb: 2\n\nbody", ["a", "b"], b"body"),
    ],
)
def test_small_letters(raw, names, body):
    """CASES G11: an empty letter, one of a header only, one of an empty line only are all letters."""
    headers = scan(raw)
    assert [f.name for f in headers.fields] == names
    assert raw[headers.body :] == body


@pytest.mark.parametrize(
    "line",
    [
        b"no colon here",
        b": no name",
        b"From you Sat Jan  3 01:05:34 1996",
        b"n\xc3\xa4me: x",
        b"a\0: x",
        b" folded first",
    ],
)
def test_a_line_that_is_no_field_ends_the_header(line):
    """CASES G8: the body begins where the first line is not a field, and ``closed`` says that no empty line stood there."""
    raw = b"a: 1\r\n" * (line[:1] != b" ") + line + b"\r\nb: 2\r\n\r\n"
    headers = scan(raw)
    assert not headers.closed
    assert raw[headers.body :].startswith(line)


@pytest.mark.parametrize("name", [b"__proto__", b"__class__", b"x" * 5000])
def test_odd_names_are_only_names(name):
    """CASES G8: names that mean something to a programming language mean nothing here."""
    assert scan(name + b": x\r\n\r\n").first(name.decode()).text == b"x"


@pytest.mark.parametrize("count", [100_000, 500_000])
def test_a_header_of_half_a_million_lines_is_refused_quickly(count):
    """CASES G4: 100 k and 500 k To lines, up to 10 MB of header, are answered 552 at a small, fixed cost."""
    raw = b"To: someone@x.org\r\n" * count + b"\r\n"
    with pytest.raises(TooBig) as refused:
        scan(raw)
    assert (refused.value.code, refused.value.enhanced) == (552, "5.3.4")
    assert _took(lambda: _refused(raw)) < 0.2


@pytest.mark.parametrize(
    "raw",
    [
        b"a: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"x" * 1_000_000 + b"\r\n",
        b"a: 1\r\n " * 200_000,
        b"a: " + b"\r\n " * 400_000,
        b"a:" + b" \r" * 500_000,
        b" " * 1_000_000,
        b"a" + b" " * 1_000_000 + b": x",
    ],
)
def test_an_endless_line_is_refused_quickly(raw):
    """CASES G8: a header line of a megabyte, folded or not, costs milliseconds and is refused or is no header."""

    def attempt():
        with contextlib.suppress(TooBig):
            assert scan(raw).fields == ()

    assert _took(attempt) < 0.2


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_the_limit_is_exact(over):
    """A section of exactly the limit passes, one byte more does not; a large body never matters."""
    raw = b"a:" + b"x" * (HEADER_LIMIT - 4 + over) + b"\r\n\r\n" + b"body" * 1000
    if over > 0:
        with pytest.raises(TooBig):
            scan(raw)
    else:
        assert scan(raw).closed


def test_the_limit_does_not_cut_a_field_into_a_body():
    """Where the limit falls into a field's name the header is too large, and does not end early."""
    raw = b"a: 1\r\nSubject: hello\r\n\r\n"
    with pytest.raises(TooBig):
        scan(raw, limit=8)


@pytest.mark.alone
def test_a_plain_header_costs_little():
    """Fifteen folded fields and 10 KB of body: well under a tenth of a millisecond, whatever the body."""
    raw = b"".join(b"X-%d: some text\r\n\tand more\r\n" % i for i in range(15)) + b"\r\n" + b"x" * 10_000
    assert min(_took(lambda: [scan(raw) for _ in range(100)]) for _ in range(5)) / 100 < 0.000_5


@given(st.binary(max_size=300))
def test_any_bytes_are_covered_without_a_gap(raw):
    """CASES G8: whatever comes in, fields and body together are the input, byte for byte."""
    headers = scan(raw)
    assert b"".join(raw[f.start : f.end] for f in headers.fields) == raw[: headers.end]
    assert raw[headers.end : headers.body] in (b"", b"\n", b"\r\n")
    assert scan(memoryview(raw)) == headers


def test_unfolding_keeps_the_white_space():
    """RFC 5322 2.2.3: only the line end goes."""
    assert unfold(b" one\r\n\ttwo \r\n three\r\n") == b"one\ttwo  three"
