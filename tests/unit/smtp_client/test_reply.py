"""Replies: what they mean, and how little memory the worst of them may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.smtp.reply import REPLY_OCTETS, ProtocolViolation, Reply, ReplyParser


def read(data: bytes) -> list[Reply]:
    parser = ReplyParser()
    parser.feed(data)
    replies = []
    while (reply := parser.next()) is not None:
        replies.append(reply)
    return replies


@pytest.mark.parametrize(
    ("data", "code", "enhanced", "text"),
    [
        (b"250 2.1.5 ok\r\n", 250, "2.1.5", "ok"),
        (b"250-2.0.0 a\r\n250 2.0.0 b\r\n", 250, "2.0.0", "a b"),
        (b"250\r\n", 250, "2.0.0", ""),
        (b"250 \r\n", 250, "2.0.0", ""),
        (b"550 5.7.2\r\n", 550, "5.7.2", ""),
        (b"550 2.0.0 x\r\n", 550, "5.0.0", "2.0.0 x"),
        (b"450 5.1.1 contradicts\r\n", 450, "4.0.0", "5.1.1 contradicts"),
        (b"550 5.1.1234 no code\r\n", 550, "5.0.0", "5.1.1234 no code"),
        (b"554 \xe6\x97\xa5\tline \x1b[31m\x7f\r\n", 554, "5.0.0", "??? line ?[31m?"),
        (b"250-first\r\n550 last counts\r\n", 550, "5.0.0", "first last counts"),
        (b"250 bare line feed\n", 250, "2.0.0", "bare line feed"),
        (b"354 go\r\n", 354, "3.0.0", "go"),
    ],
)
def test_reply_is_read(data, code, enhanced, text):
    """CASES C14: the first digit decides; enhanced codes are believed where they agree; text is safe on one line."""
    (reply,) = read(data)
    assert (reply.code, reply.enhanced, reply.text) == (code, enhanced, text)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"25 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"2500 ok\r\n",
        b"250_ok\r\n",
        b"\r\n",
        b"250 o\0k\r\n",
        b"250 o\0",
        b"250-x\r\n" * 101,
        b"x" * (REPLY_OCTETS + 1),
        b"250-" + b"x" * 40_000 + b"\r\n250-" + b"x" * 40_000,
        b"250 " + b"x" * REPLY_OCTETS + b"\r\n",
    ],
    ids=lambda data: data[:8].decode() + str(len(data)),
)
def test_what_is_no_reply_ends_the_conversation(data):
    """CASES C8: no code, a NUL, more than 100 lines or 64 KiB are violations."""
    with pytest.raises(ProtocolViolation):
        read(data)


def test_long_line_is_kept_in_part():
    """CASES C8: of a line only 2 KiB are kept, and 500 characters go into a result."""
    (reply,) = read(b"550 5.1.1 " + b"y" * 60_000 + b"\r\n")
    assert len(reply.lines[0]) == 2048
    assert len(reply.text) == 500


def test_next_reply_begins_with_a_fresh_allowance():
    """The limits count for each reply, not for the session."""
    assert len(read((b"250 " + b"x" * 60_000 + b"\r\n") * 5)) == 5


lines = st.sampled_from(
    [b"250 ok", b"250-more", b"550 5.1.1 no", b"junk", b"421", b"354 ", b"2", b"250 \0", b""]
)
streams = st.lists(st.tuples(lines, st.sampled_from([b"\r\n", b"\n", b"\r", b""])), max_size=12).map(
    lambda parts: b"".join(a + b for a, b in parts)
)


def outcome(pieces: list[bytes]) -> list[object]:
    parser, got = ReplyParser(), []
    try:
        for piece in pieces:
            parser.feed(piece)
            while (reply := parser.next()) is not None:
                got.append(reply)
    except ProtocolViolation as violation:
        got.append(str(violation))
    return got


@given(streams, st.lists(st.integers(0, 80), max_size=8))
def test_any_split_gives_the_same_replies(stream, cuts):
    """However the network cuts the bytes, the replies and the violation are the same."""
    places = sorted({min(cut, len(stream)) for cut in cuts})
    pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    assert outcome(pieces) == outcome([stream]) == outcome([stream[n : n + 1] for n in range(len(stream))])


@given(st.binary(max_size=400))
def test_any_bytes_are_replies_or_a_violation(data):
    """No input raises anything but ProtocolViolation, and every text is one safe line."""
    for got in outcome([data]):
        if isinstance(got, Reply):
            assert got.text.isprintable()
            assert got.text.isascii()
            assert 200 <= got.code <= 599
