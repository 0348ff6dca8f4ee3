"""Commands and letters come out of the stream whole and the same, however the network cut it."""

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.smtp.incoming import HOLD, Incoming, TooLong

NO_END = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r"]


def pieces(data, cuts):
    """``data`` cut at ``cuts``."""
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def letter_of(stream, cuts=(), limit=10**6):
    """The letter, what is left behind it, and how much was lost."""
    incoming = Incoming()
    first, *rest = pieces(stream, cuts)
    incoming.feed(first)
    incoming.begin()
    found = incoming.letter(limit)
    for piece in rest:
        incoming.feed(piece)
        if found is None:
            found = incoming.letter(limit)
    return found, incoming.take(10**9), incoming.lost > 0


def lines_of(stream, cuts=()):
    """The commands until the stream means nothing any more."""
    incoming, found = Incoming(), []
    try:
        for piece in pieces(stream, cuts):
            incoming.feed(piece)
            while (line := incoming.line()) is not None:
                found.append(line)
    except Invalid as refused:
        found.append(refused.text)
    return found


@pytest.mark.parametrize("fake", NO_END)
def test_only_crlf_dot_crlf_ends_a_letter(fake):
    """CASES E1: each of the eight near misses is inside the letter, with the commands that hide behind it."""
    stream = b"A: b\r\n\r\nhi" + fake + b"MAIL FROM:<x@y.test>\r\nDATA\r\n.\r\nQUIT\r\n"
    for cut in range(len(stream)):
        letter, rest, _ = letter_of(stream, [cut])
        assert letter == stream[: stream.index(b"\r\n.\r\nQUIT") + 2]
        assert rest == b"QUIT\r\n"


@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"..", b"\r\n.\r\n"]), max_size=30
    ),
    st.lists(st.integers(0, 200), max_size=8),
    st.integers(0, 60),
)
def test_any_cut_gives_the_same_letter(parts, cuts, limit):
    """The letter ends at the first CRLF.CRLF of the stream, whatever stands before it and however it was cut."""
    stream = b"".join(parts) + b"\r\n.\r\nREST"
    end = (b"\r\n" + stream).index(b"\r\n.\r\n")
    expected = (b"\r\n" + stream)[2 : end + 2]
    letter, rest, lost = letter_of(stream, cuts, limit)
    assert rest == stream[end + 3 :]
    assert (letter, lost) == ((expected, False) if len(expected) <= limit else (b"", True))


@given(
    st.lists(st.sampled_from([b"NOOP", b"\r\n", b"\r", b"\n", b" x", b"\0"]), max_size=20),
    st.lists(st.integers(0, 100), max_size=8),
)
def test_any_cut_gives_the_same_commands(parts, cuts):
    """A command ends with CRLF; at the first bare LF everything ends."""
    stream = b"".join(parts)
    assert lines_of(stream, cuts) == lines_of(stream)


def test_a_bare_line_feed_never_ends_a_command():
    """CASES E1: nothing behind a bare LF is obeyed."""
    assert lines_of(b"NOOP\r\nRSET\nMAIL FROM:<>\r\n")[1:] == ["A line ends with CRLF, not with a bare LF"]


def test_an_empty_letter_ends_with_the_crlf_of_data():
    """RFC 5321 4.1.1.4: the CRLF of the DATA command is the one before the dot."""
    assert letter_of(b".\r\nNOOP\r\n") == (b"", b"NOOP\r\n", False)


def test_64_kib_without_a_line_end_is_given_up():
    """CASES E9: no more than 64 KiB is held for a command."""
    incoming = Incoming()
    incoming.feed(b"x" * HOLD)
    assert incoming.line() is None
    incoming.feed(b"x")
    with pytest.raises(TooLong):
        incoming.line()


def test_a_letter_above_the_limit_costs_no_more_than_the_limit():
    """CASES A13, DESIGN I7: 50 MB come, nothing is kept, and the end is still found."""
    incoming, chunk = Incoming(), b"x" * 65534 + b"\r\n"
    incoming.begin()
    tracemalloc.start()
    for _ in range(800):
        incoming.feed(chunk)
        assert incoming.letter(100_000) is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    incoming.feed(b".\r\nNOOP\r\n")
    assert incoming.letter(100_000) == b""
    assert incoming.lost > 50_000_000
    assert incoming.line() == b"NOOP"
    assert peak < 1_000_000
