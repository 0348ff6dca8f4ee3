"""Status responses and codes: one line each, safe, as the RFCs print them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import KINDS, Exhausted, Failure, Internal, NotFound, Unavailable
from yubin.imap import codes, responses
from yubin.imap.codes import uid_set


def numbers(text: str) -> list[int]:
    """What a set of numbers names, in its order."""
    found: list[int] = []
    for piece in text.split(","):
        first, _, last = piece.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (responses.ok(b"A142", "SELECT completed", codes.READ_WRITE), b"A142 OK [READ-WRITE] SELECT completed"),
        (responses.ok(b"*", "Message 12 is first unseen", codes.unseen(12)), b"* OK [UNSEEN 12] Message 12 is first unseen"),
        (responses.ok(b"*", "UIDs valid", codes.uidvalidity(3857529045)), b"* OK [UIDVALIDITY 3857529045] UIDs valid"),
        (responses.ok(b"*", "Predicted next UID", codes.uidnext(4392)), b"* OK [UIDNEXT 4392] Predicted next UID"),
        (
            responses.ok(b"*", "Limited", codes.permanentflags(["\\Deleted", "\\Seen"])),
            b"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited",
        ),
        (
            responses.ok(b"*", "None", codes.permanentflags([], new=False)),
            b"* OK [PERMANENTFLAGS ()] None",
        ),
        (responses.ok(b"*", "Highest", codes.highestmodseq(715194045007)), b"* OK [HIGHESTMODSEQ 715194045007] Highest"),
        (responses.ok(b"*", "Ok", codes.mailboxid("F2212ea87-6097")), b"* OK [MAILBOXID (F2212ea87-6097)] Ok"),
        (responses.ok(b"A003", "APPEND completed", codes.appenduid(38505, [3955])), b"A003 OK [APPENDUID 38505 3955] APPEND completed"),
        (
            responses.ok(b"A004", "Done", codes.copyuid(38505, [304, 319, 320], [3956, 3957, 3958])),
            b"A004 OK [COPYUID 38505 304,319:320 3956:3958] Done",
        ),
        (responses.ok(b"A004", "Nothing", codes.copyuid(38505, [], [])), b"A004 OK Nothing"),
        (responses.ok(b"d105", "Conditional STORE failed", codes.modified([7, 9])), b"d105 OK [MODIFIED 7,9] Conditional STORE failed"),
        (responses.no(b"x", "No", codes.badevent(["FlagChange"])), b"x NO [BADEVENT (FlagChange)] No"),
        (responses.bad(b"*", "Command line too long"), b"* BAD Command line too long"),
        (responses.bye("Autologout; idle for too long"), b"* BYE Autologout; idle for too long"),
        (responses.continuation(), b"+ OK"),
        (responses.continuation(b""), b"+ "),
        (responses.capability(["IMAP4rev1", "IDLE"]), b"* CAPABILITY IMAP4rev1 IDLE"),
        (responses.enabled(["CONDSTORE"]), b"* ENABLED CONDSTORE"),
        (responses.enabled([]), b"* ENABLED"),
        (responses.flags(["\\Answered", "$MDNSent"]), b"* FLAGS (\\Answered $MDNSent)"),
        (responses.exists(23), b"* 23 EXISTS"),
        (responses.recent(5), b"* 5 RECENT"),
        (responses.expunge(44), b"* 44 EXPUNGE"),
        (responses.vanished([41, 43, 44, 45], earlier=True), b"* VANISHED (EARLIER) 41,43:45"),
        (responses.vanished([405, 407, 410, 425]), b"* VANISHED 405,407,410,425"),
        (responses.identity({"name": "Yubin", "version": None}), b'* ID ("name" "Yubin" "version" NIL)'),
        (responses.identity({}), b"* ID NIL"),
    ],
)  # fmt: skip
def test_a_response_is_as_the_rfc_prints_it(line, printed):
    """Each value gives the line that its RFC shows, and one line end."""
    assert line == printed + b"\r\n"


def test_messages_that_go_together_are_renumbered_as_they_go():
    """RFC 3501 7.4.1: an EXPUNGE takes effect at once; 3, 4, 7 and 11 go as 3, 3, 5 and 8."""
    told = responses.expunges([3, 4, 7, 11])
    assert told == b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 5 EXPUNGE\r\n* 8 EXPUNGE\r\n"


def test_nothing_vanished_is_no_response():
    """A set is never empty (RFC 3501 9 sequence-set)."""
    assert responses.vanished([]) == b""


def test_many_that_vanished_are_told_in_several_lines():
    """Lines stay short enough for every client's buffer, and together they name each UID once."""
    gone = list(range(1, 200_000, 7))
    lines = responses.vanished(gone, earlier=True).splitlines()
    assert max(map(len, lines)) < 8192
    assert [n for line in lines for n in numbers(line.decode().rpartition(" ")[2])] == gone


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (NotFound("There is no such mailbox"), "NONEXISTENT"),
        (Exhausted("The mailbox is full", enhanced="4.2.2"), "OVERQUOTA"),
        (Exhausted("The mailbox is full", code=552, enhanced="5.2.2"), "OVERQUOTA"),
        (Exhausted("Too many keywords"), "LIMIT"),
        (Unavailable("Storage is away"), "UNAVAILABLE"),
        (Internal("A fault of our own"), "SERVERBUG"),
    ],
)
def test_a_failure_is_no_with_its_code(failure, code):
    """A failure that crossed a boundary becomes a tagged NO with the code of RFC 5530 or 9208, and its own text."""
    assert responses.failure(b"a1", failure) == f"a1 NO [{code}] {failure.text}\r\n".encode()


def test_every_kind_of_failure_has_a_code():
    """A new kind without one would be told as NO []."""
    assert all(re.fullmatch("[A-Z]+", codes.of(kind("text"))) for kind in KINDS.values())


def test_a_command_may_know_the_code_better():
    """RFC 3501 7.1: COPY to a mailbox that is not there says TRYCREATE."""
    told = responses.failure(b"a1", NotFound("There is no such mailbox"), codes.TRYCREATE)
    assert told == b"a1 NO [TRYCREATE] There is no such mailbox\r\n"


def test_a_text_cannot_be_mistaken_for_a_code():
    """What begins with a bracket and is no code is set apart."""
    assert responses.ok(b"a", "[ALERT] boo") == b"a OK -[ALERT] boo\r\n"


def test_text_beyond_ascii_needs_the_clients_consent():
    """RFC 9051 9: only a client that speaks UTF-8 gets it."""
    assert responses.no(b"a", "受信箱", utf8=True) == "a NO 受信箱\r\n".encode()
    assert responses.no(b"a", "受信箱") == b"a NO ???\r\n"


@given(st.text(), st.booleans())
def test_any_text_stays_one_line(text, utf8):
    """Whatever a failure says, the response is one line with a text, and is UTF-8."""
    line = responses.failure(b"a1", Failure(text), utf8=utf8)
    assert line.endswith(b"\r\n")
    assert not re.search(rb"[\x00-\x1f\x7f]", line[:-2])
    assert re.fullmatch(r"a1 NO \[UNAVAILABLE\] .+", line[:-2].decode())
    assert utf8 or line.isascii()
    assert len(line) < 2100


@given(st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=200))
def test_a_set_names_the_same_numbers_in_the_same_order(wanted):
    """Ranges change how a set is written, never what it says; COPYUID depends on the order."""
    assert numbers(uid_set(wanted)) == wanted


def test_a_run_is_one_range():
    """100,000 neighbours are one range, not 600 KB."""
    assert uid_set(range(5, 100_005)) == "5:100004"
