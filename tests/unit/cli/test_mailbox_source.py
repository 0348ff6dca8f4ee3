"""What lies at a path: which sources, for which mailboxes, and the letters of each."""

from __future__ import annotations

import os

import pytest

from yubin.cli.client import Refused
from yubin.cli.mailbox_import import name_of
from yubin.cli.mailbox_source import Letter, Skipped, Source, letters, sources

LETTER = b"Subject: x\n\nbody\n"
MBOX = b"From a@b.test Sat Nov 21 21:36:21 2026\n" + LETTER + b"\n"
AT = 1_795_296_981.0


def maildir(path, **files):
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    for name, data in files.items():
        (path / "cur" / name).write_bytes(data)
    return path


def read(source, **more):
    passed = []
    return list(letters(source, passed.append, **more)), sum(passed)


def test_a_tree_of_everything(tmp_path):
    """Maildir++ and plain folders, mbox files, Apple's too, single letters; each has its mailbox' name; tmp and others are no sources."""
    maildir(tmp_path)
    maildir(tmp_path / ".Sent")
    maildir(tmp_path / ".A.&MFQwf3ux-")
    maildir(tmp_path / "work" / "B")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "R%2FD.mbox").write_bytes(MBOX)
    (tmp_path / "Apple.mbox").mkdir()
    (tmp_path / "Apple.mbox" / "mbox").write_bytes(MBOX)
    (tmp_path / "Apple.mbox" / "table_of_contents").write_bytes(b"x")
    (tmp_path / "old" / "a.eml").write_bytes(LETTER)
    found = {(s.mailbox, s.kind, s.octets) for s in sources(tmp_path)}
    assert found == {
        ("", "maildir", 0),
        ("Sent", "maildir", 0),
        ("A/ごみ箱", "maildir", 0),
        ("work/B", "maildir", 0),
        ("old/R/D", "mbox", len(MBOX)),
        ("Apple", "mbox", len(MBOX)),
        ("old", "eml", len(LETTER)),
    }
    assert {s.kind for s in sources(tmp_path, "maildir")} == {"maildir"}
    assert {s.kind for s in sources(tmp_path, "mboxo")} == {"mboxo"}
    with pytest.raises(Refused, match="neither"):
        sources(tmp_path / "old", "maildir")


@pytest.mark.parametrize(
    ("data", "kind"), [(MBOX, "mbox"), (b"\n" + MBOX, "mbox"), (b"", "mbox"), (LETTER, "eml")]
)
def test_a_file_tells_what_it_is(tmp_path, data, kind):
    """By its beginning; an empty one is an mbox without letters."""
    (tmp_path / "x").write_bytes(data)
    (source,) = sources(tmp_path / "x")
    assert (source.kind, source.mailbox) == (kind, "")


@pytest.mark.parametrize(
    ("mailbox", "into", "name"),
    [
        ("", "", "INBOX"),
        ("", "Old", "Old"),
        ("A/B", "", "A/B"),
        ("A/B", "Old", "Old/A/B"),
        ("inbox", "", "INBOX"),
    ],
)
def test_where_it_goes(tmp_path, mailbox, into, name):
    """The top into INBOX or the one that was named, what is below it below that."""
    assert name_of(Source(mailbox=mailbox, path=tmp_path, kind="mbox", octets=0), into) == name


def test_a_maildir(tmp_path):
    """In the order of the times in the names, with flags, keywords and dates; what is hidden or a folder is no letter."""
    box = maildir(tmp_path, **{"30.a:2,FSa": LETTER, "4.b,S=17,W=20:2,": LETTER, ".hidden": b"x"})
    (box / "new" / "9.c").write_bytes(b"Subject: crlf\r\n\r\n")
    (box / "dovecot-keywords").write_text("0 $Junk\n")
    (box / "cur" / "folder").mkdir()
    os.utime(box / "cur" / "30.a:2,FSa", (AT, AT))
    found, passed = read(sources(tmp_path)[0])
    assert [os.path.basename(letter.where) for letter in found] == ["4.b,S=17,W=20:2,", "9.c", "30.a:2,FSa"]
    assert found[0].raw == LETTER.replace(b"\n", b"\r\n")
    assert (found[1].raw, found[1].flags) == (b"Subject: crlf\r\n\r\n", frozenset())
    assert (found[2].flags, found[2].received) == ({"\\Flagged", "\\Seen", "$Junk"}, AT)
    assert passed == sum(len(data) for data in (LETTER, LETTER, b"Subject: crlf\r\n\r\n"))


def test_what_cannot_be_read_is_passed_over(tmp_path):
    """Too large, empty, gone: each with its reason, the others come."""
    maildir(tmp_path, **{"1.large:2,": b"x" * 100, "2.empty:2,": b"\n", "3.good:2,": LETTER})
    source = sources(tmp_path)[0]
    (tmp_path / "cur" / "4.gone:2,").symlink_to(tmp_path / "nowhere")
    large, empty, good, gone = read(source, limit=50)[0]
    assert (large.why, empty.why) == ("it is larger than 50 octets", "it is empty")
    assert good.raw == LETTER.replace(b"\n", b"\r\n")
    assert gone.why == "it cannot be read: No such file or directory"


def test_an_mbox(tmp_path):
    """Dated by its From_ line, else by the letter's Date; an empty letter is none; progress is in octets of the file."""
    undated = b"From -\nDate: Sat, 21 Nov 2026 21:36:21 +0000\n\nx\n\n"
    data = MBOX + undated + b"From -\n\n\n" + b"From -\nSubject: y\n\n"
    (tmp_path / "x").write_bytes(data)
    found, passed = read(sources(tmp_path / "x")[0])
    assert [letter.received for letter in found if isinstance(letter, Letter)] == [AT, AT, None]
    assert [skipped.why for skipped in found if isinstance(skipped, Skipped)] == ["it is empty"]
    assert passed == len(data)


def test_single_letters(tmp_path):
    """Dated by what they say, else by the file; CRLF whatever they had."""
    (tmp_path / "a.eml").write_bytes(b"Date: Sat, 21 Nov 2026 21:36:21 +0000\n\nx\r\n")
    (tmp_path / "b.eml").write_bytes(LETTER)
    os.utime(tmp_path / "b.eml", (1e9, 1e9))
    found, _ = read(sources(tmp_path)[0])
    assert [(letter.raw, letter.received) for letter in found] == [
        (b"Date: Sat, 21 Nov 2026 21:36:21 +0000\r\n\r\nx\r\n", AT),
        (LETTER.replace(b"\n", b"\r\n"), 1e9),
    ]
