"""The MIME tree: right where letters are right, sensible where they are not, bounded always."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.mail.mime import DEPTH_LIMIT, PART_LIMIT, parse
from yubin.mail.part import Part

Shape = tuple


def shape(part: Part, raw: bytes) -> Shape | bytes:
    """Type and children, or the body of a leaf."""
    if part.children:
        return (f"{part.type}/{part.subtype}", *(shape(child, raw) for child in part.children))
    return raw[part.body : part.end]


def read(text: str) -> Shape | bytes:
    """A letter written with LF, read with CR LF."""
    raw = text.replace("\n", "\r\n").encode()
    return shape(parse(raw), raw)


MIXED = "Content-Type: multipart/mixed; boundary=foo\n\n"


def test_a_plain_letter_is_one_part():
    """RFC 2045 5.2: without a Content-Type it is text/plain in us-ascii."""
    part = parse(b"From: a@b\r\n\r\none\r\ntwo\r\n")
    assert (part.type, part.subtype, part.params) == ("text", "plain", (("charset", b"us-ascii"),))
    assert (part.start, part.body, part.end, part.size, part.lines) == (0, 13, 23, 10, 2)
    assert part.encoding == "7bit"


def test_what_a_part_says_of_itself():
    """RFC 2045, 2183, 1864, 3282, 2557: all fields of BODYSTRUCTURE."""
    part = parse(
        b"Content-Type: Text/HTML; charset=UTF-8\r\nContent-Transfer-Encoding: BASE64\r\nContent-ID: <a@b>\r\n"
        b"Content-Description: a\r\n b\r\nContent-MD5: Q2hlY2s=\r\nContent-Language: ja, en\r\n"
        b"Content-Location: http://a/\r\n b\r\nContent-Disposition: Inline; filename=x.html\r\n\r\n"
    )
    assert (part.type, part.subtype, part.encoding) == ("text", "html", "base64")
    assert (part.id, part.description, part.md5) == (b"<a@b>", b"a b", b"Q2hlY2s=")
    assert (part.language, part.location) == ((b"ja", b"en"), b"http://a/b")
    assert part.disposition is not None
    assert (part.disposition.kind, part.disposition.params) == ("inline", (("filename", b"x.html"),))
    assert part.param("charset") == b"UTF-8"


@pytest.mark.parametrize(
    ("letter", "found"),
    [
        (MIXED + "--foo\n\none\n--foo\n\ntwo\n--foo--\n", ("multipart/mixed", b"one", b"two")),
        (MIXED + "preamble\n--foo\n\none\n--foo--\nepilogue\n--foo\nno\n", ("multipart/mixed", b"one")),
        (MIXED + "--foo\n\none\n--foo\n\ntwo\n", ("multipart/mixed", b"one", b"two\r\n")),
        (MIXED + "--foo  \n\none\n--foo-- \n", ("multipart/mixed", b"one")),
        (MIXED + "no delimiter", ("multipart/mixed", b"")),
        (MIXED + "--foo--\n", ("multipart/mixed", b"")),
        (MIXED + "--foo\n--foo\n\n\n--foo--", ("multipart/mixed", b"", b"")),
        (MIXED + "--foo\nA: b\n--foo\n\nx\n --foo\n--foo--", ("multipart/mixed", b"", b"x\r\n --foo")),
        (MIXED + "--foo\n\nfile\n\n--foo--", ("multipart/mixed", b"file\r\n")),
        ("Content-Type: multipart/mixed\n\n--foo\n\none", b"--foo\r\n\r\none"),
        ('Content-Type: multipart/mixed; boundary=""\n\n--\n\none', b"--\r\n\r\none"),
        ("Content-Type: nonsense\n\nx", b"x"),
        (f"{MIXED[:-2]}\nContent-Type: text/plain\n\n--foo\n\nx", ("multipart/mixed", b"x")),
    ],
)
def test_multiparts(letter, found):
    """RFC 2046 5.1: delimiters, preamble and epilogue; and what a lenient reader makes of what is missing."""
    assert read(letter) == found


@pytest.mark.parametrize("inner", ["foobar", "fo", "foo", "foo-", "f"])
def test_boundaries_that_begin_alike(inner):
    """RFC 2046 5.1.1: of boundaries that fit a line the longest is meant, of equal ones the innermost."""
    letter = (
        MIXED
        + f"--foo\nContent-Type: multipart/alternative; boundary={inner}\n\n--{inner}\n\none\n--{inner}\n\ntwo\n--{inner}--\n"
        + "--foo\n\nthree\n--foo--\n"
    )
    assert read(letter) == ("multipart/mixed", ("multipart/alternative", b"one", b"two"), b"three")


def test_a_delimiter_further_out_ends_all_within():
    """An inner multipart without its last delimiter ends where the outer one goes on."""
    letter = (
        MIXED
        + "--foo\nContent-Type: multipart/mixed; boundary=in\n\n--in\nContent-Type: multipart/mixed; boundary=deep\n\n"
        + "--deep\n\none\n--foo\n\ntwo\n--in\n--foo--\n"
    )
    assert read(letter) == (
        "multipart/mixed",
        ("multipart/mixed", ("multipart/mixed", b"one")),
        b"two\r\n--in",
    )


def test_a_letter_inside_has_its_own_header():
    """RFC 2046 5.2.1: message/rfc822, read like a letter, with what makes its envelope."""
    raw = (
        b"Content-Type: multipart/mixed; boundary=foo\r\n\r\n--foo\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n"
        b"X-Other: x\r\nContent-Type: multipart/mixed; boundary=bar\r\n\r\n--bar\r\n\r\ndeep\r\n--bar--\r\n\r\n--foo--\r\n"
    )
    part = parse(raw)
    assert shape(part, raw) == ("multipart/mixed", ("message/rfc822", ("multipart/mixed", b"deep")))
    message = part.children[0]
    assert message.fields == (("subject", b" in"),)
    assert raw[message.body :].startswith(b"Subject: in")
    assert message.lines == raw[message.body : message.end].count(b"\n")
    assert message.children[0].start == message.body


def test_an_encoded_letter_inside_is_not_read():
    """RFC 2046 5.2.1 forbids it, RFC 6532 3.7 allows it for message/global: it is a part like others."""
    part = parse(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==")
    assert part.message
    assert part.children == ()


def test_a_digest_holds_letters():
    """RFC 2046 5.1.5: its parts are message/rfc822 where they say nothing else."""
    letter = "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: a\n\nx\n--d\nContent-Type: text/plain\n\ny\n--d--"
    assert read(letter) == ("multipart/digest", ("message/rfc822", b"x"), b"y")


@pytest.mark.parametrize("depth", [10, 100, 1000, 10_000])
def test_depth_is_bounded(depth):
    """CASES G1: opaque beyond 100 levels, within a second."""
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth)
    )
    assert within(1, lambda: parse(raw))
    part, levels = parse(raw), 0
    while part.children:
        part, levels = part.children[0], levels + 1
    assert levels == min(depth, DEPTH_LIMIT)
    assert (part.type, part.subtype) == (
        ("text", "plain") if depth <= DEPTH_LIMIT else ("application", "octet-stream")
    )


def test_letters_within_letters_are_bounded():
    """CASES G1: a message in a message, ten thousand times."""
    raw = b"Content-Type: message/rfc822\r\n\r\n" * 10_000
    assert within(1, lambda: parse(raw))
    part, levels = parse(raw), 0
    while part.children:
        part, levels = part.children[0], levels + 1
    assert levels == DEPTH_LIMIT


def test_the_number_of_parts_is_bounded():
    """CASES G2: of a hundred thousand parts ten thousand are told apart, the last one holds the rest; within two seconds."""
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000
    assert within(2, lambda: parse(raw))
    part = parse(raw)
    assert len(part.children) == PART_LIMIT - 1
    assert part.children[-1].end == len(raw)


def test_a_hundred_content_types():
    """CASES G8: the first one counts."""
    raw = b"".join(b"Content-Type: text/x%d\r\n" % i for i in range(100)) + b"\r\nbody"
    assert parse(raw).subtype == "x0"


def check(part: Part, raw: bytes, low: int, high: int) -> None:
    """Every part lies within its parent, behind the one before it."""
    assert low <= part.start <= part.body <= part.end <= high
    if part.type == "text":
        assert part.lines == raw[part.body : part.end].count(b"\n")
    assert not part.multipart or part.children
    last = part.body
    for child in part.children:
        check(child, raw, last, part.end)
        last = child.end


LINES = st.sampled_from(
    [b"--a", b"--ab", b"--a--", b"--ab--", b"", b"", b"x", b"--", b" --a", b"Subject: s"]
    + [
        b"Content-Type: multipart/%b; boundary=%b" % pair
        for pair in [(b"mixed", b"a"), (b"digest", b"ab"), (b"x", b"abc")]
    ]
    + [
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=x",
        b"Content-Disposition: attachment",
    ]
)


@given(st.lists(LINES, max_size=40), st.sampled_from([b"\n", b"\r\n"]))
@example(
    [b"Content-Type: multipart/mixed; boundary=a", b"", b"--a", b"Content-Type: message/rfc822", b"", b"--a"],
    b"\n",
)
@example(
    [
        b"Content-Type: multipart/x; boundary=ab",
        b"",
        b"--ab",
        b"Content-Type: multipart/x; boundary=a",
        b"--ab",
    ],
    b"\n",
)
def test_mutated_multiparts(lines, end):
    """Parts lie within each other and in order, with either line end, and both give one tree."""
    raw = end.join(lines)
    check(parse(raw), raw, 0, len(raw))
    other = b"\r\n".join(lines)
    assert kinds(parse(raw)) == kinds(parse(other))


def kinds(part: Part) -> tuple:
    return (part.type, part.subtype, *map(kinds, part.children))


@given(st.binary(max_size=400))
def test_any_octets_are_a_letter(raw):
    """Nothing raises."""
    check(parse(raw), raw, 0, len(raw))


@given(st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"-", b"")), min_size=1, max_size=5))
def test_what_was_joined_comes_apart_again(bodies):
    """A multipart made by the RFC gives back each of its bodies, octet for octet."""
    raw = MIXED.encode() + b"".join(b"--foo\r\n\r\n%b\r\n" % body for body in bodies) + b"--foo--\r\n"
    assert [raw[child.body : child.end] for child in parse(raw).children] == bodies
