"""Mailboxes as files: names that come back, files that appear whole, folders that only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.cli.client import Refused
from yubin.cli.mailbox_progress import Lines
from yubin.cli.mailbox_source import sources
from yubin.cli.mailbox_target import MaildirFolder, file_of, write_maildir, write_mbox
from yubin.errors import Invalid
from yubin.mail.mbox import Letter
from yubin.mail.mboxrd import write
from yubin.mailboxes.names import canonical


def valid(name):
    try:
        return canonical(name) == name
    except Invalid:
        return False


names = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8), min_size=1, max_size=3
)


@given(name=names.map("/".join).filter(valid))
def test_every_name_comes_back(tmp_path_factory, name):
    """Whatever a mailbox is called, its file lies in the folder, hides nowhere, and is found under its name."""
    folder = tmp_path_factory.mktemp("out")
    file = file_of(folder, name)
    parts = file.relative_to(folder).parts
    assert all(not part.startswith(".") and "\\" not in part and ":" not in part for part in parts)
    write_mbox(file, [], Lines())
    assert [source.mailbox for source in sources(folder)] == [name]


def test_a_name_that_is_too_long(tmp_path):
    """Said, and not cut."""
    with pytest.raises(Refused, match="--mailbox"):
        file_of(tmp_path, "x" * 300)


def test_letters_are_counted_across_pieces(tmp_path):
    """However the stream is cut; the file is what came."""
    data = b"".join(write(b"Subject: x\r\n\r\nFrom y\r\n", received=1e9, flags=frozenset()) for _ in range(5))
    for cut in (1, 2, 5, 7, 1000):
        pieces = [data[i : i + cut] for i in range(0, len(data), cut)]
        assert write_mbox(tmp_path / "x", pieces, Lines()) == 5
        assert (tmp_path / "x").read_bytes() == data


def test_a_stream_that_ends_early(tmp_path):
    """What was there stays, and nothing else."""
    (tmp_path / "x").write_bytes(b"before")

    def pieces():
        yield b"From "
        raise Refused("cut short")

    with pytest.raises(Refused):
        write_mbox(tmp_path / "x", pieces(), Lines())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"before"}


def letter(raw=b"x\r\n", received=1e9, flags=()):
    return Letter(raw=raw, received=received, flags=frozenset(flags), number=1, offset=0)


def test_a_maildir_only_grows(tmp_path):
    """The same letter, even with other flags, is there already; a copy of it, or another date, is another."""
    first = MaildirFolder(tmp_path, "INBOX")
    assert [first.add(letter()), first.add(letter()), first.add(letter(received=2e9))] == [True] * 3
    again = MaildirFolder(tmp_path, "INBOX")
    assert [again.add(letter(flags=["\\Seen"])), again.add(letter()), again.add(letter())] == [
        False,
        False,
        True,
    ]
    assert len(list((tmp_path / "cur").iterdir())) == 4
    assert list((tmp_path / "tmp").iterdir()) == []


def test_keywords_keep_their_letters(tmp_path):
    """Also those that another program gave; there are 26, the others are named."""
    MaildirFolder(tmp_path, "A/B").add(letter(flags=["b", "c"]))
    (tmp_path / ".A.B" / "dovecot-keywords").write_text("0 b\n1 c\n3 e\n")
    folder = MaildirFolder(tmp_path, "A/B")
    folder.add(letter(b"y\r\n", flags=["e", "f", "$Forwarded"]))
    assert (tmp_path / ".A.B" / "dovecot-keywords").read_text() == "0 b\n1 c\n2 \n3 e\n4 f\n"
    assert sorted(path.name.rpartition(",")[2] for path in (tmp_path / ".A.B" / "cur").iterdir()) == [
        "Pde",
        "ab",
    ]
    folder.add(letter(b"z\r\n", flags=[f"k{n:02}" for n in range(30)]))
    assert folder.unnamed == {f"k{n:02}" for n in range(21, 30)}


def test_a_stream_becomes_a_maildir(tmp_path):
    """Letters that are new there are counted, whatever was there before."""
    data = b"".join(write(b"%d\r\n" % n, received=1e9, flags=frozenset()) for n in range(3))
    assert write_maildir(MaildirFolder(tmp_path, "INBOX"), iter([data]), Lines()) == 3
    assert write_maildir(MaildirFolder(tmp_path, "INBOX"), iter([data, data]), Lines()) == 3
