"""The tester finds what it is there to find: each lie of a server is told to a picture, and must be noticed."""

from __future__ import annotations

import pytest

from tests.imap_client.responses import Inbox
from tests.imaptest import letters
from tests.imaptest.journal import Journal
from tests.imaptest.picture import Mine, Picture

MADE = letters.letter(1, keep=False)


class Table:
    def __init__(self) -> None:
        self.journal, self.wrong = Journal(["a", "b"]), []
        self.journal.new_letter(MADE)
        self.box = self.journal.boxes["a"]

    def picture(self, *said: bytes) -> Picture:
        """Of three messages with the UIDs 5, 7 and 9."""
        made = Picture(self.journal, self.box, self.wrong.append, Mine(b"own1"))
        made.condstore = True
        hear(made, "SELECT", b"* 3 EXISTS")
        made.selecting, made.uidnext = False, 10
        fetches = [b"* %d FETCH (UID %d FLAGS (\\Seen) MODSEQ (%d))" % (n, 3 + 2 * n, n) for n in (1, 2, 3)]
        hear(made, "FETCH", *fetches)
        assert not self.wrong
        return made


def hear(picture: Picture, command: str, *said: bytes) -> None:
    inbox = Inbox()
    inbox.feed(b"".join(line + b"\r\n" for line in said))
    while (one := inbox.next()) is not None:
        picture.take(one, command)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("NOOP", [b"* 2 EXISTS"]),  # fewer without EXPUNGE
        ("NOOP", [b"* 4 EXPUNGE"]),  # no such number
        ("FETCH", [b"* 1 EXPUNGE"]),  # not during these
        ("STORE", [b"* 1 EXPUNGE"]),
        ("SEARCH", [b"* VANISHED 5"]),
        ("", [b"* 1 EXPUNGE"]),  # nor when no command is under way
        ("NOOP", [b"* VANISHED 6"]),  # was never there
        ("NOOP", [b"* VANISHED (EARLIER) 5"]),  # nobody asked
        ("FETCH", [b"* 4 FETCH (FLAGS ())"]),  # no such number
        ("FETCH", [b"* 2 FETCH (UID 8 FLAGS ())"]),  # another UID
        ("NOOP", [b"* 4 EXISTS", b"* 4 FETCH (UID 8 FLAGS () MODSEQ (9))"]),  # not ascending
        ("NOOP", [b"* 4 EXISTS", b"* 4 FETCH (UID 9 FLAGS () MODSEQ (9))"]),  # a UID twice
        ("NOOP", [b"* 1 FETCH (UID 5 FLAGS () MODSEQ (0))", b"* 1 FETCH (FLAGS ())"]),  # MODSEQ is missing
        ("NOOP", [b"* 3 FETCH (FLAGS () MODSEQ (2))"]),  # MODSEQ falls
        ("NOOP", [b"* 3 FETCH (FLAGS () MODSEQ (3))"]),  # other flags at the same MODSEQ
        ("NOOP", [b"* 3 FETCH (FLAGS (own1) MODSEQ (4))"]),  # nobody else touches it
        ("FETCH", [b"* 1 FETCH (RFC822.SIZE 3)", b"* 1 FETCH (RFC822.SIZE 4)"]),
        ("FETCH", [b'* 1 FETCH (INTERNALDATE "01-Jan-2020 00:00:00 +0000")', b'* 1 FETCH (INTERNALDATE "01-Jan-2020 00:00:00 +0100")']),
        ("FETCH", [b"* 1 FETCH (BODY[] {%d}\r\n%b)" % (len(MADE.octets) - 2, MADE.octets[:-2])]),  # two octets are missing
    ],
)  # fmt: skip
def test_a_lie_is_noticed(command, said):
    """CASES H10: one lie, and the tester says so."""
    table = Table()
    hear(table.picture(), command, *said)
    assert table.wrong


@pytest.mark.parametrize(
    ("command", "said", "uids"),
    [
        ("NOOP", [b"* 2 EXPUNGE", b"* 2 EXPUNGE"], [5]),
        ("UID FETCH", [b"* VANISHED 5,7"], [9]),
        ("FETCH", [b"* 5 EXISTS", b"* 5 FETCH (UID 14 FLAGS (own1) MODSEQ (9))"], [5, 7, 9, 14]),
        ("NOOP", [b"* 5 EXISTS", b"* VANISHED 11", b"* 4 FETCH (UID 12 FLAGS () MODSEQ (9))"], [5, 7, 9, 12]),
        ("NOOP", [b"* 3 FETCH (FLAGS (\\Deleted) MODSEQ (4))"], [5, 7, 9]),
        ("FETCH", [b"* 1 FETCH (BODY[] {%d}\r\n%b)" % (len(MADE.octets), MADE.octets)], [5, 7, 9]),
    ],
)
def test_the_truth_is_believed(command, said, uids):
    """What RFC 9051 7 and RFC 7162 allow is no lie; unknown messages may go before anybody asked for them."""
    table = Table()
    picture = table.picture()
    hear(picture, command, *said)
    assert table.wrong == []
    assert picture.uids() == uids


def test_another_client_is_told_something_else():
    """A second client's size, flags or Message-ID of a UID must be the first one's."""
    table = Table()
    table.picture()
    other = Picture(table.journal, table.box, table.wrong.append, Mine(b"own2"))
    hear(other, "SELECT", b"* 1 EXISTS")
    hear(other, "FETCH", b"* 1 FETCH (UID 5 FLAGS (\\Flagged) MODSEQ (1))")
    assert len(table.wrong) == 1
