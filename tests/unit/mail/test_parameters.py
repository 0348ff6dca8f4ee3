"""Parameters of Content-Type and Content-Disposition, as mail programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.mail.filename import filename
from yubin.mail.mime import parse
from yubin.mail.parameters import LIMIT, content_type, disposition, extended


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"text/plain", ("text", "plain", ())),
        (b"TEXT/Plain; CharSet=UTF-8", ("text", "plain", (("charset", b"UTF-8"),))),
        (b' text / html ;charset="utf-8" ; x=1', ("text", "html", (("charset", b"utf-8"), ("x", b"1")))),
        (b"text/plain; charset=us-ascii (Plain text)", ("text", "plain", (("charset", b"us-ascii"),))),
        (b"text/plain (what) ; a=b", ("text", "plain", (("a", b"b"),))),
        (b'a/b; name="a;b\\"c"; d=e', ("a", "b", (("name", b'a;b"c'), ("d", b"e")))),
        (b"a/b; name=my file (1).txt; d=e", ("a", "b", (("name", b"my file (1).txt"), ("d", b"e")))),
        (b'a/b; name="no end', ("a", "b", (("name", b"no end"),))),
        (b'a/b; name="x" rest; d=e', ("a", "b", (("name", b"x"), ("d", b"e")))),
        (b"a/b;;; ;x ; =1; c = 2", ("a", "b", (("c", b"2"),))),
        (b"a/b; c=1; c=2", ("a", "b", (("c", b"1"),))),
        (b"a/b; n*0=x; n*1=y; n*2=z", ("a", "b", (("n", b"xyz"),))),
        (b"a/b; n*1=y; n*0=x; n*3=gap", ("a", "b", (("n", b"xy"),))),
        (
            b"a/b; n*0*=utf-8'ja'%E3; n*1*=%81%82; n*2=100%",
            ("a", "b", (("n*", b"utf-8'ja'%E3%81%82100%25"),)),
        ),
        (b"a/b; n*=utf-8''%41; n=b", ("a", "b", (("n*", b"utf-8''%41"), ("n", b"b")))),
        (b"a/b; n*2147483648=x; n*99999999999=y; m=1", ("a", "b", (("m", b"1"),))),
        (b"text", None),
        (b"", None),
        (b"/plain", None),
        (b"; charset=utf-8", None),
    ],
)
def test_values(value, read):
    """CASES G6: RFC 2045 5.1 and RFC 2231, read as they were meant."""
    assert content_type(value) == read


def test_a_disposition_has_a_kind():
    """RFC 2183: in any case, with its parameters."""
    assert disposition(b"Attachment; filename=a.txt") == ("attachment", (("filename", b"a.txt"),))
    assert disposition(b"") is None


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (b"Content-Disposition: attachment; filename*=utf-8''%E5%B1%B1.txt; filename=x", "山.txt"),
        (
            b"Content-Disposition: attachment; filename*0*=iso-2022-jp''%1B$B%3B3; filename*1*=%1B%28B.txt",
            "山.txt",
        ),
        (b'Content-Disposition: attachment; filename="=?utf-8?B?5bGx?=.txt"', "山.txt"),
        (b"Content-Type: a/b; name=\x8e\x52\x93\x63\x91\xbe\x98\x59.txt", "山田太郎.txt"),
        (b"Content-Type: a/b; name=a; charset=x", "a"),
        (b"Content-Disposition: attachment; filename*=%E5%B1%B1", "山"),
        (b"Content-Type: a/b", ""),
    ],
)
def test_names_of_attachments(fields, name):
    """RFC 2231, encoded words and raw octets: people see the name."""
    assert filename(parse(fields + b"\r\n\r\n")) == name


def test_ten_thousand_parameters_cost_little():
    """CASES G6: in any order, with gaps and a 2^31st, below 100 ms; only so many are kept."""
    values = [
        b"a/b" + b"".join(b"; n%d*%d=x" % (i, i) for i in range(10_000)),
        b"a/b" + b"".join(b"; n*%d=x" % i for i in reversed(range(10_000))),
        b"a/b" + b"; n*2147483648=x" * 10_000,
        b"a/b" + b"".join(b"; n%d=x" % i for i in range(10_000)),
    ]
    for value in values:
        assert within(0.1, lambda value=value: content_type(value))
        assert len(content_type(value)[2]) <= LIMIT


def test_octets_of_an_extended_value():
    """RFC 2231 4."""
    assert extended(b"utf-8'ja'%E3%81%82x") == ("あx".encode(), "utf-8")
    assert extended(b"it's") == (b"it's", "")


@given(st.text("ab*0123;=\"\\ '()%/", max_size=60))
def test_nothing_is_too_odd(value):
    """Whatever stands there, names are lower case and values are octets."""
    read = content_type(b"a/b;" + value.encode())
    assert read is not None
    assert all(name == name.lower() and name for name, _ in read[2])
