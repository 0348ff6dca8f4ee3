"""Multi-line responses: any stored octets, any pieces."""

import itertools
import re
import time
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from yubin.pop3.multiline import END, Stuffing, Top

OCTETS = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\0", b"\xff", b"\r\n.\r\n"]), max_size=30
).map(b"".join)


def plainly(octets):
    """What RFC 1939 3 says, line by line."""
    lines = re.split(rb"\r\n|\r|\n", octets)
    if not lines[-1]:
        lines.pop()
    return [b"." + line if line.startswith(b".") else line for line in lines]


def stuffed(octets, cuts=()):
    stuffing = Stuffing()
    edges = [0, *sorted({cut % (len(octets) + 1) for cut in cuts}), len(octets)]
    out = [stuffing.feed(octets[a:b]) for a, b in itertools.pairwise(edges)]
    assert not [piece for piece in out if piece.endswith(b"\r")]
    return b"".join(out) + stuffing.end()


@given(OCTETS, st.lists(st.integers(0, 100), max_size=10))
def test_any_octets_in_any_pieces_are_a_correct_response(octets, cuts):
    """Lines that end with CRLF, dots doubled, and ".": whatever rests in storage, however it is read."""
    assert stuffed(octets, cuts) == b"".join(line + b"\r\n" for line in plainly(octets)) + END


@given(OCTETS, st.lists(st.integers(0, 100), max_size=10))
def test_the_end_is_at_the_end_only(octets, cuts):
    """No client sees the end of the response before it has come, not even one that takes a bare CR or LF for a line end."""
    response = b"\r\n" + stuffed(octets, cuts)
    assert response.endswith(b"\r\n.\r\n")
    assert len(re.findall(rb"(?:^|[\r\n])\.(?=[\r\n])", response)) == 1


@given(OCTETS, st.integers(0, 12), st.lists(st.integers(0, 100), max_size=10))
def test_top_is_the_header_and_some_lines(octets, count, cuts):
    """The same at every cut as counting lines on the whole."""
    lines = plainly(octets)
    header = lines.index(b"") + 1 if b"" in lines else len(lines)
    expected = b"".join(line + b"\r\n" for line in lines[: header + count]) + END
    stuffing, top, out = Stuffing(), Top(count), b""
    edges = [0, *sorted({cut % (len(octets) + 1) for cut in cuts}), len(octets)]
    for a, b in itertools.pairwise(edges):
        out += top.feed(stuffing.feed(octets[a:b]))
        if top.done:
            assert out + END == expected
            return
    assert out + stuffing.end() == expected


def test_large_letters_cost_little():
    """A hundred MiB in pieces takes seconds at the worst, and a few pieces of memory."""
    piece = b"a" * 75 + b"\n." + b"\r\n"
    piece = piece * (256 * 1024 // len(piece))
    stuffing = Stuffing()
    tracemalloc.start()
    began = time.process_time()
    for _ in range(20):
        stuffing.feed(piece)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * len(piece)
    assert spent < 5
