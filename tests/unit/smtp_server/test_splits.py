"""A whole session, however the network cut it: the same commands, the same letters, the same chunks, at the same octet.

``Listener`` reads as SMTP reception does: command lines, a letter behind DATA, so many octets behind BDAT. Sessions are
made from what a client means to say, so that what must come out is known without reading the stream a second time.
"""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yubin.smtp import lines
from yubin.smtp.incoming import Incoming

LIMIT = 10**6
NEAR_MISSES = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
]
SECOND = b"MAIL FROM:<ghost@evil.example>\r\nRCPT TO:<you@example.org>\r\nDATA\r\nghost"


class Listener:
    """``heard``: (kind, octets) of everything that is whole, in order."""

    def __init__(self, limit=LIMIT):
        self._incoming = Incoming()
        self._limit = limit
        self._letter = False
        self._chunk = None
        self._left = 0
        self.heard = []

    def feed(self, data):
        self._incoming.feed(data)
        while self._step():
            pass

    def _step(self):
        if self._letter:
            return self._of_letter()
        if self._chunk is not None:
            return self._of_chunk()
        line = self._incoming.line()
        if line is None:
            return False
        self.heard.append(("command", line))
        if line == b"DATA":
            self._letter = True
            self._incoming.begin()
        elif line.startswith(b"BDAT "):
            self._chunk, self._left = bytearray(), int(line[5:])
        return True

    def _of_letter(self):
        letter = self._incoming.letter(self._limit)
        if letter is None:
            return False
        self.heard.append(("lost", self._incoming.lost > 0) if self._incoming.lost else ("letter", letter))
        self._letter = False
        return True

    def _of_chunk(self):
        taken = self._incoming.take(self._left)
        self._chunk += taken
        self._left -= len(taken)
        if not self._left:
            self.heard.append(("chunk", bytes(self._chunk)))
            self._chunk = None
            return True
        return bool(taken)


def heard(stream, cuts=(), limit=LIMIT):
    edges = [0, *sorted({cut % (len(stream) + 1) for cut in cuts}), len(stream)]
    listener = Listener(limit)
    for a, b in itertools.pairwise(edges):
        listener.feed(stream[a:b])
    return listener.heard


def letter_event(content):
    return [("command", b"DATA"), ("letter", content)]


def data(content):
    """DATA with a letter whose lines are stuffed, CRLF at its end, and the dot."""
    stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    stuffed += b"" if (b"\r\n" + stuffed).endswith(b"\r\n") else b"\r\n"
    return b"DATA\r\n" + stuffed + b".\r\n", letter_event(stuffed)


def bdat(octets):
    said = b"BDAT %d" % len(octets)
    return said + b"\r\n" + octets, [("command", said), ("chunk", octets)]


def spoken(line):
    return line + b"\r\n", [("command", line)]


WORDS = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"..", b"\r\n..\r\n", b"\0", b"QUIT"]),
    max_size=12,
)
CONTENT = WORDS.map(b"".join)
ACTS = st.one_of(
    st.sampled_from([b"NOOP", b"RSET", b"MAIL FROM:<a@b.example>", b"", b"VRFY \r x"]).map(spoken),
    CONTENT.map(data),
    CONTENT.map(bdat),
)


@given(st.lists(ACTS, max_size=8), st.lists(st.integers(0, 2000), max_size=12))
@example([data(b""), spoken(b"QUIT")], [6, 7])
@example([bdat(b"\r\n.\r\n"), data(b".\r\n.\r\n")], list(range(40)))
def test_any_cut_of_a_session_is_the_same_session(acts, cuts):
    """Commands, letters and chunks come out as they were said, whatever stands inside them and wherever it was cut."""
    stream = b"".join(octets for octets, _ in acts)
    expected = [event for _, events in acts for event in events]
    assert heard(stream, cuts) == expected


@given(st.lists(ACTS, max_size=6))
def test_octet_by_octet_is_the_same_session(acts):
    """The finest cut of all."""
    stream = b"".join(octets for octets, _ in acts)
    assert heard(stream, range(len(stream))) == [event for _, events in acts for event in events]


@pytest.mark.parametrize("fake", NEAR_MISSES)
def test_no_near_miss_makes_a_second_letter_at_any_cut(fake):
    """CASES E1: at every cut in two the session has one letter, with all that hides in it, and it is refused for its bare ends."""
    content = b"Subject: x\r\n\r\nhi" + fake + SECOND
    stream = b"DATA\r\n" + content + b"\r\n.\r\nQUIT\r\n"
    expected = [*letter_event(content + b"\r\n"), ("command", b"QUIT")]
    for cut in range(len(stream) + 1):
        assert heard(stream, [cut]) == expected
    assert lines.bare(content)


@pytest.mark.parametrize("fake", NEAR_MISSES)
def test_no_near_miss_in_a_chunk_ends_it(fake):
    """CASES E1: a chunk ends behind its last octet and nowhere else (RFC 3030 2), the true end of a letter inside it too."""
    octets = b"hi" + fake + b"\r\n.\r\n" + SECOND
    stream, events = bdat(octets)
    for cut in range(len(stream) + 1):
        assert heard(stream + b"QUIT\r\n", [cut]) == [*events, ("command", b"QUIT")]


@given(CONTENT, st.lists(st.integers(0, 300), max_size=4))
def test_the_end_is_found_at_its_last_octet(content, cuts):
    """One octet before the end there is no letter; with it there is, and nothing behind it was needed."""
    stream, events = data(content)
    assert heard(stream[:-1], cuts) == events[:1]
    assert heard(stream, cuts) == events


@given(CONTENT, st.lists(st.integers(0, 300), max_size=6), st.integers(0, 20))
def test_a_letter_above_the_limit_ends_at_the_same_octet(content, cuts, limit):
    """CASES A13: what is thrown away is counted, and the command behind it is the next one, at every cut."""
    stream, events = data(content)
    kept = events[1] if len(events[1][1]) <= limit else ("lost", True)
    assert heard(stream + b"QUIT\r\n", cuts, limit) == [events[0], kept, ("command", b"QUIT")]
