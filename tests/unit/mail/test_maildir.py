"""Maildir: flags in names, names of folders, line ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.mail import maildir, utf7


def test_names_and_flags():
    """cr.yp.to/proto/maildir.html: what stands behind ":2,"; keywords are lower-case letters."""
    keywords = {0: "$Junk", 2: "work"}
    name = maildir.parse("1795296981.M1P2.host,S=3:2,FRSTacz")
    assert (name.unique, name.marks) == ("1795296981.M1P2.host,S=3", "FRSTacz")
    assert maildir.flags(name.marks, keywords) == {
        "\\Flagged",
        "\\Answered",
        "\\Seen",
        "\\Deleted",
        "$Junk",
        "work",
    }
    assert maildir.flags("DP", {}) == {"\\Draft", "$Forwarded"}
    assert maildir.parse("1.2.host") == maildir.Name(unique="1.2.host")
    assert maildir.parse("1.2.host;2,S") == maildir.Name(unique="1.2.host", marks="S")
    assert maildir.marks(frozenset({"\\Seen", "\\Draft", "$Forwarded", "b", "c"}), ["a", "b"]) == "DPSb"
    assert str(maildir.Name(unique="1.2.host", marks="FS")) == "1.2.host:2,FS"


def test_the_file_of_keywords():
    """Read back as it was written; lines that say nothing are left out; there are 26 letters."""
    assert maildir.parse_keywords(maildir.render_keywords(["a", "b"])) == {0: "a", 1: "b"}
    assert maildir.parse_keywords("0 a\nx b\n3\n\n25 z\n") == {0: "a", 25: "z"}
    assert len(maildir.render_keywords([str(n) for n in range(30)]).splitlines()) == 26


@pytest.mark.parametrize(
    ("mailbox", "folder"),
    [
        ("INBOX", ""),
        ("Sent", ".Sent"),
        ("A/B", ".A.B"),
        ("INBOX/x", ".INBOX.x"),
        ("ごみ箱", ".&MFQwf3ux-"),
        ("R&D", ".R&-D"),
        ("v1.2/x", ".v1&AC4-2.x"),
        ("~peter/mail/台北/日本語", ".~peter.mail.&U,BTFw-.&ZeVnLIqe-"),  # RFC 3501 5.1.3
    ],
)
def test_folders(mailbox, folder):
    """Maildir++: levels divided by dots, in modified UTF-7; a dot in a name is hidden."""
    assert maildir.folder(mailbox) == folder
    if folder:
        assert maildir.mailbox(folder) == mailbox


@given(
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
)
def test_every_name_comes_back(name):
    """Whatever a mailbox is called, its folder can be made and names it."""
    folder = maildir.folder(f"x/{name}")
    assert folder.isascii()
    assert "/" not in folder
    assert maildir.mailbox(folder) == f"x/{name}"


def test_a_name_that_is_too_long():
    """Said, and not cut to another mailbox' name."""
    with pytest.raises(Invalid):
        maildir.folder("x" * 300)


@pytest.mark.parametrize("wrong", ["&", "&abc", "a&b", "&AA-", "&2AA-", "&!!!-"])
def test_what_is_no_modified_utf7(wrong):
    """It is refused, and as a folder's name taken as it stands."""
    with pytest.raises(ValueError, match=r"&|UTF-16"):
        utf7.decode(wrong)
    assert maildir.mailbox(f".{wrong}") == wrong


@given(raw=st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"a", b"\x00\xff"]), max_size=10).map(b"".join))
def test_octets_come_back(raw):
    """LF in the file and CRLF in the store; a letter with other line ends is kept as it is."""
    data, sizes = maildir.stored(raw)
    assert maildir.restored(data, f"1.2.host{sizes}") == raw
    assert f",S={len(data)},W={len(raw)}" == sizes


def test_octets_of_other_programs():
    """Without sizes every line end becomes CRLF; so with Dovecot's, unless it keeps CRLF itself."""
    assert maildir.restored(b"a\nb\r\n", "1.2.host") == b"a\r\nb\r\n"
    assert maildir.restored(b"a\nb\n", "1.2.host,S=4,W=6") == b"a\r\nb\r\n"
    assert maildir.restored(b"a\r\n", "1.2.host,S=3,W=3") == b"a\r\n"
