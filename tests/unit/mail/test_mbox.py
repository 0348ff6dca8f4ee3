"""mbox files: what others wrote is found in them, what we write comes back exactly, in whatever pieces."""

from __future__ import annotations

import contextlib
import mailbox as peer
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.mail import mbox, mboxrd
from yubin.mail.mbox import Broken, Letter, Quoting

LINE = b"From a@b.test Sat Nov 21 21:36:21 2026\n"
AT = 1795296981.0
PARTS = [
    b"From ",
    b">",
    b"\r\n",
    b"\n",
    b"\r",
    b"Fro",
    b"m ",
    b"x",
    b"\x00\xff",
    b"Return-Path: <a@b>\r\n",
    LINE,
]
OWN = [
    b"Status: RO\n",
    b"Status: O\r\n",
    b"X-Status: \n",
    b"X-Status: A\r\n",
    b"X-Keywords:\n",
    b"X-Keywords:\r\n",
]
raws = st.lists(st.sampled_from(PARTS + OWN), max_size=12).map(b"".join)
flags = st.frozensets(
    st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Junk", "été"])
)


def read(data, limit=1_000_000, quoting=Quoting.MBOXRD, cut=0):
    cut = cut or len(data) or 1
    return list(
        mbox.letters([data[i : i + cut] for i in range(0, len(data), cut)], limit=limit, quoting=quoting)
    )


def raw_of(data, **more):
    return [letter.raw for letter in read(data, **more)]


@settings(max_examples=400, deadline=None)
@given(
    letters=st.lists(st.tuples(raws, flags, st.integers(1, 4 * 10**9)), max_size=4), cut=st.integers(1, 60)
)
def test_what_is_written_comes_back(letters, cut):
    """Any letters at all, in one file, read in pieces of any size: octets, flags and dates are the same."""
    data = b"".join(mboxrd.write(raw, received=float(at), flags=set_) for raw, set_, at in letters)
    found = read(data, cut=cut)
    assert [(one.raw, one.flags, one.received) for one in found] == [
        (r, f, float(at)) for r, f, at in letters
    ]
    assert [one.number for one in found] == list(range(1, len(letters) + 1))
    assert all(data[one.offset :].startswith(b"From ") for one in found)


@settings(max_examples=300, deadline=None)
@given(raw=raws, cut=st.integers(1, 9))
def test_writing_in_pieces_is_writing_whole(raw, cut):
    """Wherever a letter is cut behind its header, the file is the same, and so is the judgement of its line ends."""
    header = raw.find(b"\n\n") + 1 or len(raw)
    pieces = [raw[:header], *(raw[i : i + cut] for i in range(header, len(raw), cut))]
    tidy = mboxrd.Tidy()
    for piece in pieces:
        tidy.piece(piece)
    assert bool(tidy) is mboxrd.tidy(raw)
    writing = mboxrd.Writing(received=AT, flags=frozenset(), as_text=bool(tidy))
    made = b"".join(writing.piece(piece) for piece in pieces) + writing.end()
    assert made == mboxrd.write(raw, received=AT, flags=frozenset())


def test_what_a_letter_looks_like():
    """LF line ends, the envelope sender and the date in UTC in the From_ line, the flags above the letter's own header."""
    raw = b"Return-Path: <a@b.test>\r\nSubject: x\r\n\r\nFrom here\r\n>From there\r\n"
    assert mboxrd.write(raw, received=AT, flags=frozenset({"\\Seen", "\\Flagged", "$Junk", "b c"})) == (
        b"From a@b.test Sat Nov 21 21:36:21 2026\nStatus: RO\nX-Status: F\nX-Keywords: $Junk\n"
        b"Return-Path: <a@b.test>\nSubject: x\n\n>From here\n>>From there\n\n"
    )


@pytest.mark.parametrize(
    "path", [b"", b"Return-Path: <>\r\n", b"Return-Path: <a b@c>\r\n", b"\r\nReturn-Path: <a@b>\r\n"]
)
def test_a_letter_without_a_sender(path):
    """RFC 4155: the null sender, and one that is in the body or would break the line, is MAILER-DAEMON."""
    assert mboxrd.write(path, received=AT, flags=frozenset()).startswith(b"From MAILER-DAEMON Sat")


@pytest.mark.parametrize(
    ("received", "shown"), [(-5.0, b"Thu Jan  1 00:00:00 1970"), (1e15, b"Fri Dec 31 23:59:59 9999")]
)
def test_dates_beyond_the_calendar(received, shown):
    """The line is a From_ line all the same."""
    made = mboxrd.write(b"x\r\n", received=received, flags=frozenset())
    assert made.split(b"\n")[0] == b"From MAILER-DAEMON " + shown
    assert len(read(made)) == 1


def test_the_peer_reads_what_we_write(tmp_path):
    """Python's mailbox module finds the same letters, flags and senders; and we read what it writes."""
    data = mboxrd.write(
        b"Subject: one\r\n\r\nFrom me\r\n", received=AT, flags=frozenset({"\\Seen", "\\Answered"})
    )
    data += mboxrd.write(b"Subject: two\r\n\r\nline\r\n", received=AT, flags=frozenset())
    (tmp_path / "ours").write_bytes(data)
    with (
        contextlib.closing(peer.mbox(tmp_path / "ours")) as ours,
        contextlib.closing(peer.mbox(tmp_path / "its")) as its,
    ):
        assert [(m["subject"], m.get_flags(), m.get_from()) for m in ours] == [
            ("one", "ROA", "MAILER-DAEMON Sat Nov 21 21:36:21 2026"),
            ("two", "O", "MAILER-DAEMON Sat Nov 21 21:36:21 2026"),
        ]
        for letter in ours:
            its.add(letter)
        its.flush()
    one, two = read((tmp_path / "its").read_bytes(), quoting=Quoting.MBOXO)
    assert (one.flags, two.flags) == ({"\\Seen", "\\Answered"}, set())
    assert (one.received, two.received) == (AT, AT)
    assert two.raw.endswith(b"Subject: two\r\n\r\nline\r\n")


@pytest.mark.parametrize(
    ("line", "received"),
    [
        (b"From a@b.test Sat Nov 21 21:36:21 2026", AT),
        (b"From a@b.test  Sat Nov 21 21:36:21 2026\r", AT),
        (b"From - Sat Nov 21 21:36:21 2026", AT),
        (b"From user at b.test  Sat Nov 21 21:36:21 2026", AT),  # pipermail
        (b"From 1784@xxx Sat Nov 21 21:36:21 +0000 2026", AT),  # Gmail
        (b"From a@b.test Sat Nov 21 21:36:21 2026 +0100", AT - 3600),
        (b"From a@b.test Sat Nov 21 21:36:21 EST 2026", AT + 5 * 3600),
        (b'From "a b"@c.test Sat Nov 21 21:36 2026', AT - 21),
        (b"From a@b.test Sat Feb 31 21:36:21 2026", None),
        (b"From a@b.test", None),
        (b"From -", None),
        (b"From ", None),
    ],
)
def test_from_lines_of_the_world(line, received):
    """Each begins a letter, at the beginning of a file and behind an empty line; the date is read where there is one."""
    one = line + b"\nSubject: x\n\nbody\n\n"
    found = read(one + one)
    assert [letter.raw for letter in found] == [b"Subject: x\r\n\r\nbody\r\n"] * 2
    assert [letter.received for letter in found] == [received] * 2


@pytest.mark.parametrize("line", [b"From what I hear,", b"From the year 2026", b"From me at 12:30", b"From"])
def test_what_is_no_from_line(line):
    """A sentence that somebody did not quote stays in the letter, also behind an empty line."""
    text = b"Subject: x\n\nfirst\n\n" + line + b"\nlast\n"
    assert raw_of(LINE + text + b"\n" + LINE + text) == [text.replace(b"\n", b"\r\n")] * 2


def test_a_dated_line_needs_no_empty_one():
    """Programs exist that write none; the letter keeps its last line end."""
    assert raw_of(LINE + b"A: b\n\nx\n" + LINE + b"A: c\n\ny\n") == [
        b"A: b\r\n\r\nx\r\n",
        b"A: c\r\n\r\ny\r\n",
    ]


def test_quoting_is_taken_back():
    """mboxrd: one ">" of any; mboxo: only of one, since its writer left the others alone."""
    text = LINE + b"A: b\n\n>From x\n>>From y\n> From z\n\n"
    assert raw_of(text) == [b"A: b\r\n\r\nFrom x\r\n>From y\r\n> From z\r\n"]
    assert raw_of(text, quoting=Quoting.MBOXO) == [b"A: b\r\n\r\nFrom x\r\n>>From y\r\n> From z\r\n"]


def test_flags_of_other_programs():
    """Mutt's and Dovecot's are read from anywhere in the header, and taken out; the same in the body, and what means something else, stays."""
    text = b"Subject: x\nStatus: RO\nX-Status: AF\nX-Keywords: $Label1  work \nstatus: open\n\nStatus: RO\n\n"
    (letter,) = read(LINE + text)
    assert letter.raw == b"Subject: x\r\nstatus: open\r\n\r\nStatus: RO\r\n"
    assert letter.flags == {"\\Seen", "\\Answered", "\\Flagged", "$Label1", "work"}


def test_content_length_is_not_believed():
    """Neither one that is too large swallows the next letter, nor one that is too small cuts this one."""
    for length in (b"0", b"9999", b"x"):
        text = LINE + b"Content-Length: " + length + b"\n\nbody\n\n"
        assert len(read(text + text)) == 2


def test_dos_and_mixed_line_ends():
    """A file with CRLF, with LF or with both gives CRLF."""
    for text in (b"A: b\r\n\r\nx\r\ny\r\n\r\n", b"A: b\n\nx\ny\n\n", b"A: b\r\n\nx\r\ny\n\r\n"):
        for line in (LINE, LINE.replace(b"\n", b"\r\n")):
            assert raw_of(line + text + line + text) == [b"A: b\r\n\r\nx\r\ny\r\n"] * 2


def test_our_file_after_unix2dos():
    """It gives the same letters."""
    raw = b"A: b\r\n\r\nFrom x\r\n\r\n"
    made = mboxrd.write(raw, received=AT, flags=frozenset({"\\Seen"}))
    assert [(one.raw, one.flags) for one in read((made * 2).replace(b"\n", b"\r\n"))] == [
        (raw, {"\\Seen"})
    ] * 2


@pytest.mark.parametrize("data", [b"Subject: x\n\nbody\n", b"from a@b\n", b"\x00\x01", b">From x\n"])
def test_what_is_no_mbox(data):
    """Said before a letter is made of it."""
    with pytest.raises(Invalid):
        read(data, cut=1)


def test_an_empty_file_and_one_of_empty_lines():
    """An mbox without letters; empty lines before the first letter do no harm."""
    assert read(b"") == read(b"\n\r\n") == []
    assert len(read(b"\n\n" + LINE + b"x\n", cut=1)) == 1


def test_a_letter_that_is_too_large():
    """It is passed over and named; those around it are there, wherever the file is cut."""
    small = LINE + b"A: b\n\nx\n\n"
    large = LINE + b"A: b\n\n" + b"line\n" * 1000 + b"\n"
    for cut in (1, 7, 999, 10**6):
        one, two, three, four = read(small + large + small + large, limit=2000, cut=cut)
        assert isinstance(one, Letter)
        assert isinstance(three, Letter)
        assert two == Broken(number=2, offset=len(small), why=f"it has {len(large)} octets, the most is 2000")
        assert four == Broken(number=4, offset=2 * len(small) + len(large), why=two.why)


def test_the_cut_does_not_matter():
    """Every split in two gives the same letters."""
    data = LINE + b"A: b\n\nFrom\n>From \n\n" + LINE + b"\n\n" + LINE + b"From a@b\n\n"
    wanted = read(data)
    for at in range(len(data)):
        assert list(mbox.letters([data[:at], data[at:]], limit=10**6)) == wanted


def test_a_huge_file_in_little_memory():
    """300 MB of letters, one of them endless, in 24 MB."""

    def chunks():
        letter = LINE + b"A: b\n\n" + b"0123456789abcde\n" * 60_000 + b"\n"
        for _ in range(100):
            yield letter
        yield LINE
        for _ in range(200):
            yield b"x" * 1_000_000

    tracemalloc.start()
    found = [isinstance(one, Letter) for one in mbox.letters(chunks(), limit=8_000_000)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [True] * 100 + [False]
    assert peak < 24_000_000
