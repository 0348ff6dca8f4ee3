"""The search for delimiters, against one that looks at every line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import SMALL, SMALL_LIMIT, within
from yubin.mail import mime
from yubin.mail.boundaries import ALIKE, Boundaries


class EveryLine(Boundaries):
    """The rule, word for word: of the open boundaries that a line begins with the longest, of equal ones the innermost."""

    def next(self, position: int) -> int:
        at = self._raw.find(b"\n--", max(position, 0))
        while at >= 0 and self._longest(at) is None:
            at = self._raw.find(b"\n--", at + 1)
        return len(self._raw) if at < 0 else at

    def take(self, at: int) -> tuple[int, bool, int]:
        level = self._longest(at)
        owner, behind = self._owners[level], at + len(self._marks[level])
        closing = self._raw.startswith(b"--", behind)
        keep = level if closing else level + 1
        del self._marks[keep:], self._owners[keep:], self._hits[keep:]
        line = self._raw.find(b"\n", behind)
        return owner, closing, len(self._raw) if line < 0 else line + 1

    def _longest(self, at: int) -> int | None:
        fits = [i for i, mark in enumerate(self._marks) if self._raw.startswith(mark, at)]
        return max(fits, key=lambda i: (len(self._marks[i]), i), default=None)


NAMES = [b"a", b"aa", b"aab", b"b", b"a-", b"ba"]
LINES = st.sampled_from(
    [b"--" + name + end for name in NAMES for end in (b"", b"--", b" ", b"x")]
    + [b"", b"", b"text", b"--"]
    + [b"Content-Type: multipart/x; boundary=%b\n\n--%b" % (name, name) for name in NAMES]
)


def parsed(raw: bytes, how: type[Boundaries], monkeypatch) -> mime.Part:
    with monkeypatch.context() as patch:
        patch.setattr(mime, "Boundaries", how)
        return mime.parse(raw)


@given(st.lists(LINES, max_size=60), st.sampled_from([b"", b"x" * 5000]))
def test_the_same_tree(lines, far):
    """Boundaries that begin alike, in any order, near and far: remembering places changes nothing."""
    raw = b"Content-Type: multipart/x; boundary=a\n\n" + b"\n".join([*lines[:30], far, *lines[30:]])
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert parsed(raw, Boundaries, monkeypatch) == parsed(raw, EveryLine, monkeypatch)


def nested(boundaries: list[bytes], piece: bytes) -> bytes:
    head = b"".join(b"Content-Type: multipart/a; boundary=%b\n\n--%b\n" % (one, one) for one in boundaries)
    return (head + piece * SMALL)[:SMALL]


@pytest.mark.parametrize(
    "raw",
    [
        nested([b"a", *(b"b%d" % i for i in range(97)), b"ab"], b"--ab\n\n"),
        nested([b"a", *(b"b%d" % i for i in range(97)), b"ab"], b"--ab\n--b50\n"),
        nested([b"a" * i for i in range(1, 99)], b"--" + b"a" * 98 + b"\n\n"),
        nested([b"a"] * 99, b"--a\n\n"),
        nested([b"%d." % i for i in range(100)], b"--\n"),
        nested([b"%d." % i for i in range(100)], b"--99.--\n--98.\n\n"),
        nested([b"x"], b"--x\nContent-Type: multipart/a; boundary=x\n\n--x--\n"),
    ],
)
def test_no_boundaries_are_expensive(raw):
    """CASES G1, G2: a hundred levels, and lines that many of them could mean."""
    assert within(SMALL_LIMIT, lambda: mime.parse(raw))


def test_levels_that_are_too_alike_are_opaque():
    """Nobody nests more than a few boundaries that begin with each other."""
    part, levels = mime.parse(nested([b"a"] * 20, b"x")), 0
    while part.children:
        part, levels = part.children[0], levels + 1
    assert levels == ALIKE
    assert (part.type, part.subtype) == ("application", "octet-stream")
