"""The Reader: what ends a command, what becomes of literals, and how much is held."""

import tracemalloc

import pytest

from tests.unit.imap.talk import drain, events, reader, tags
from tests.unit.mail.timing import SMALL_LIMIT, within
from yubin.imap.commands import append, login, nothing
from yubin.imap.events import Broken, GoAhead, Line, Message, Octets, Request, Syntax
from yubin.imap.limits import Limits
from yubin.imap.reader import Reader

LETTER = b"Subject: x\r\n\r\nhello\r\n"


def letter(size, **more):
    return append.Letter(size=size, **more)


# ── lines ──


def test_commands_come_one_by_one():
    """A Reader says one thing at a time, so that a session can change what holds for the next."""
    made = reader()
    made.feed(b"a NOOP\r\nb CAPABILITY\r\n")
    assert made.next() == Request(tag=b"a", name="NOOP", args=nothing.Args())
    assert made.next().name == "CAPABILITY"
    assert made.next() is None


def test_lf_alone_ends_a_line_too():
    """Hand-typed sessions and old scripts send it."""
    assert tags(events(b"a NOOP\nb NOOP\r\n")) == ["a NOOP", "b NOOP"]


def test_spaces_before_the_end_do_no_harm():
    """Some clients leave them there."""
    assert tags(events(b"a NOOP  \r\nb SELECT INBOX \r\nc FETCH 1 FLAGS \r\nd SEARCH ALL \r\n")) == [
        "a NOOP",
        "b SELECT",
        "c FETCH",
        "d SEARCH",
    ]


def test_verbs_are_read_in_any_case():
    """RFC 9051 9 (1): the case does not matter, also of UID."""
    (said,) = events(b"a uId FeTcH 1 flags\r\n")
    assert (said.name, said.uid) == ("FETCH", True)


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"", b"*"),
        (b"a", b"*"),
        (b" NOOP", b"*"),
        (b"a\0b NOOP", b"*"),
        (b"a+b NOOP", b"*"),
        (b"t" * 129 + b" NOOP", b"*"),
        (b"t" * 128 + b" NOPE", b"t" * 128),
        (b"a NOPE", b"a"),
        (b"a UID NOOP", b"a"),
        (b"a UID", b"a"),
        (b"a GETACL INBOX", b"a"),
        (b"a NOOP x", b"a"),
        (b"a NOOP\r", b"a"),
        (b"a LOGIN x", b"a"),
        (b"a\xff NOOP", b"*"),
    ],
)
def test_what_cannot_be_understood_is_bad_and_the_session_goes_on(line, tag):
    """RFC 9051 7.1.3: tagged where there is a tag; the next command is read as if nothing had been."""
    bad, good = events(line + b"\r\nz NOOP\r\n")
    assert isinstance(bad, Syntax)
    assert (bad.tag, bad.status) == (tag, "BAD")
    assert good.tag == b"z"


def test_a_refusal_repeats_nothing_of_what_was_sent():
    """A text of the server's that a client wrote could carry anything."""
    (said,) = events(b'a LOGIN "secret\x07 \xff\r\n')
    assert "secret" not in said.text
    assert said.text.isprintable()


# ── literals of strings ──


def test_a_client_that_waits_is_told_to_go_ahead():
    """RFC 9051 4.3."""
    made = reader(logged_in=False)
    made.feed(b"a LOGIN {5}\r\n")
    assert made.next() == GoAhead()
    assert made.next() is None
    made.feed(b"alice {6}\r\n")
    assert made.next() == GoAhead()
    made.feed(b"s\r\nret\r\n")
    assert made.next().args == login.Args(user="alice", password="s\r\nret")


def test_a_client_that_does_not_wait_is_not_told():
    """RFC 7888 4."""
    (said,) = events(b"a LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n", logged_in=False)
    assert said.args == login.Args(user="alice", password="secret")


def test_a_literal_is_never_read_as_commands():
    """Whatever is wrong with a command, its literal belongs to it."""
    text = b"x LOGOUT\r\n"
    for begin in (
        b"a NOPE",
        b"a FETCH 1 NOPE",
        b"\xff\xfe",
        b"a LOGIN x y z",
        b"a NOOP",
        b'a LOGIN "x',
        b"a",
    ):
        said = tags(events(begin + b" {%d+}\r\n" % len(text) + text + b"\r\nb NOOP\r\n"))
        assert said[-1] == "b NOOP"
        assert len(said) == 2, begin
        assert "BAD" in said[0], begin


def test_all_literals_of_a_bad_command_belong_to_it():
    """Also those behind the first; one that waits ends it, because its client sees BAD instead of ``+``."""
    said = events(b"a NOPE {10+}\r\nx LOGOUT\r\n {10+}\r\ny LOGOUT\r\n (z {9}\r\nb NOOP\r\n")
    assert tags(said) == ["a BAD", "b NOOP"]


def test_who_waits_with_a_bad_command_is_told_bad_at_once():
    """RFC 9051 4.3: instead of ``+``; the literal is not sent then."""
    assert tags(events(b"a NOPE {10}\r\nb NOOP\r\n")) == ["a BAD", "b NOOP"]


def test_an_announcement_inside_a_string_is_none():
    """Only the end of a line announces."""
    (said,) = events(b'a LOGIN "{5+}" "x{3}y"\r\n')
    assert said.args.user == "{5+}"


def test_a_literal_has_no_octet_0():
    """RFC 9051 9: CHAR8."""
    assert tags(events(b"a LOGIN {3+}\r\na\0b x\r\nb NOOP\r\n")) == ["a BAD", "b NOOP"]


def test_an_empty_literal_is_an_empty_string():
    """RFC 9051 4.3."""
    (said,) = events(b"a LOGIN {0+}\r\n {000+}\r\n\r\n")
    assert said.args == login.Args(user="", password="")


# ── letters ──


def test_a_letter_is_streamed():
    """It goes through in pieces as they come; the request comes behind it."""
    made = reader()
    made.feed(b'a APPEND Sent (\\Seen $x) "17-Jul-1996 02:44:25 -0700" {%d}\r\n' % len(LETTER))
    asked = made.next()
    assert asked == Message(
        tag=b"a",
        name="APPEND",
        uid=False,
        size=len(LETTER),
        sync=True,
        number=1,
        args_so_far=append.Args(
            mailbox="Sent", messages=(letter(len(LETTER), flags=("\\Seen", "$x"), received=837596665.0),)
        ),
    )
    assert made.next() is None
    made.accept()
    assert made.next() is None
    made.feed(LETTER[:5])
    assert made.next() == Octets(LETTER[:5])
    assert made.next() is None
    made.feed(LETTER[5:] + b"\r\n")
    assert made.next() == Octets(LETTER[5:])
    assert made.next().args == asked.args_so_far


def test_several_letters():
    """RFC 3502: each is announced with those before it; the request has all."""
    said = events(b"a APPEND x {3+}\r\nabc (\\Seen) {2+}\r\nde UTF8 (~{1+}\r\nf)\r\nb NOOP\r\n")
    assert tags(said) == ["Message", "abc", "Message", "de", "Message", "f", "a APPEND", "b NOOP"]
    assert [event.number for event in said if isinstance(event, Message)] == [1, 2, 3]
    assert said[-2].args.messages == (
        letter(3),
        letter(2, flags=("\\Seen",)),
        letter(1, binary=True, utf8=True),
    )


def test_a_letter_for_a_mailbox_that_is_a_literal():
    """RFC 9051 9: mailbox is an astring; its literal is no letter."""
    said = events(b"a APPEND {3+}\r\na b {3+}\r\nxyz\r\n")
    assert tags(said) == ["Message", "xyz", "a APPEND"]
    assert said[-1].args == append.Args(mailbox="a b", messages=(letter(3),))


def test_replace_has_a_letter():
    """RFC 8508: one."""
    said = events(
        b"a UID REPLACE 4 {6}\r\nDrafts {3+}\r\nxyz\r\nb REPLACE * x {1+}\r\na {1+}\r\nb\r\nc NOOP\r\n"
    )
    assert tags(said) == ["GoAhead", "Message", "xyz", "a REPLACE", "Message", "a", "b BAD [LIMIT]", "c NOOP"]
    assert (said[1].uid, said[1].args_so_far.number, said[4].args_so_far.number) == (True, 4, 0)


def test_a_letter_that_is_refused_while_its_client_waits():
    """CASES H9: the client is told NO and never sends it."""
    assert tags(events(b"a APPEND x {3}\r\n", b"b NOOP\r\n", refuse=[1])) == ["Message", "b NOOP"]


def test_a_letter_that_is_refused_and_comes_nevertheless():
    """RFC 7888 4: it is swallowed with all that follows it in its command."""
    said = events(b"a APPEND x {9+}\r\nx LOGOUT\n {9+}\r\ny LOGOUT\n\r\nb NOOP\r\n", refuse=[1])
    assert tags(said) == ["Message", "b NOOP"]


def test_the_second_letter_is_refused():
    """RFC 3502: the command fails as a whole; it gives no request."""
    said = events(b"a APPEND x {1+}\r\na {9+}\r\ny LOGOUT\n\r\nb NOOP\r\n", refuse=[2])
    assert tags(said) == ["Message", "a", "Message", "b NOOP"]


def test_a_letter_is_given_up_in_its_middle():
    """Storage failed: what is still to come of it is swallowed."""
    made = reader()
    made.feed(b"a APPEND x {20}\r\n")
    assert isinstance(made.next(), Message)
    made.accept()
    made.feed(b"0123456789")
    assert made.next() == Octets(b"0123456789")
    made.refuse()
    made.refuse()
    made.feed(b"x LOGOUT")
    assert made.next() is None
    made.feed(b"56\r\nb NOOP\r\n")
    assert tags(drain(made)) == ["b NOOP"]


@pytest.mark.parametrize("tail", [b"x", b" (\\Seen)", b" {3", b")", b" x {1}", b" (\\Seen {2}"])
def test_a_flaw_behind_a_letter(tail):
    """The session sees Syntax in place of the request, and forgets the letter."""
    assert tags(events(b"a APPEND x {1+}\r\na" + tail + b"\r\nb NOOP\r\n")) == [
        "Message",
        "a",
        "a BAD",
        "b NOOP",
    ]


def test_refusing_behind_a_flaw_changes_nothing():
    """A session that clears up may say so at any time; a literal of the flawed command stays swallowed."""
    made = reader()
    made.feed(b"a APPEND x {1+}\r\na x {9+}\r\n")
    assert tags([made.next()]) == ["Message"]
    made.accept()
    assert tags([made.next(), made.next()]) == ["a", "a BAD"]
    made.refuse()
    made.feed(b"x LOGOUT\n\r\nb NOOP\r\n")
    assert tags(drain(made)) == ["b NOOP"]


def test_no_letter_before_login():
    """A stranger has no mailbox."""
    assert tags(events(b"a APPEND x {3}\r\nb NOOP\r\n", logged_in=False)) == ["a BAD", "b NOOP"]
    assert tags(events(b"a APPEND x {3+}\r\nabc\r\nb NOOP\r\n", logged_in=False)) == ["a BAD", "b NOOP"]


def test_a_letter_above_the_limit_is_said_to_be():
    """RFC 7889: the session answers NO [TOOBIG]; who does not wait and sends very much is cut off."""
    (asked,) = events(b"a APPEND x {101}\r\n", append=100)
    assert asked.too_big
    assert tags(events(b"a APPEND x {10}\r\n", append=10)) == ["Message"]
    assert tags(events(b"a APPEND x {101+}\r\n", append=100, swallow=50)) == ["Message", "BYE [TOOBIG]"]
    said = events(b"a APPEND x {101+}\r\n" + b"x" * 101 + b"\r\nb NOOP\r\n", append=100, swallow=200)
    assert tags(said) == ["Message", "b NOOP"]


# ── raw lines ──


def test_raw_lines():
    """RFC 9051 6.2.2, 6.3.13: what answers a challenge, and DONE, are no commands."""
    made = reader()
    made.raw(True)
    made.feed(b"DONE\r\n{5+}\r\na NOOP\r\n")
    assert [made.next(), made.next()] == [Line(b"DONE"), Line(b"{5+}")]
    made.raw(False)
    assert tags(drain(made)) == ["a NOOP"]


def test_a_raw_line_is_bounded():
    """CASES H4: an answer to a challenge has 64 KiB at most."""
    made = reader(logged_in=False)
    made.raw(True)
    made.feed(b"x" * 65_537)
    assert isinstance(made.next(), Broken)
    made.raw(False)
    made.feed(b"a NOOP\r\n")
    assert made.next() is None


def test_what_was_not_read_can_be_taken():
    """STARTTLS forgets it (CVE-2011-0411), COMPRESS inflates it."""
    made = reader()
    made.feed(b"a STARTTLS\r\nb NOOP\r\nc NO")
    assert made.next().name == "STARTTLS"
    assert made.take() == b"b NOOP\r\nc NO"
    assert made.next() is None
    made.feed(b"d NOOP\r\n")
    assert tags(drain(made)) == ["d NOOP"]


# ── what is too much ──


@pytest.mark.parametrize("size", [b"4294967295", b"1" + b"0" * 20, b"9" * 5000, b"8193"])
def test_enormous_literals_before_login(size):
    """CASES H1: who waits is told BAD; who does not is cut off, for nobody will swallow that."""
    assert tags(events(b"a LOGIN {" + size + b"}\r\nb NOOP\r\n", logged_in=False)) == [
        "a BAD [TOOBIG]",
        "b NOOP",
    ]
    assert tags(events(b"a LOGIN {" + size + b"+}\r\nb NOOP\r\n", logged_in=False)) == [
        "a BAD [TOOBIG]",
        "BYE [TOOBIG]",
    ]


@pytest.mark.parametrize("size", [b"-1", b"", b"+", b"1.5", b"0x10", b" 5", b"5 "])
def test_announcements_that_are_none(size):
    """CASES H1: ``{-1}`` is BAD, and announces nothing."""
    said = events(b"a LOGIN {" + size + b"}\r\nb NOOP\r\n", logged_in=False)
    assert tags(said) == ["a BAD", "b NOOP"]


def test_ten_thousand_small_literals_before_login():
    """CASES H1: refused, soon cut off; what is held stays below 64 KiB."""
    made = reader(logged_in=False)
    tracemalloc.start()
    said = []
    made.feed(b"a LOGIN")
    for _ in range(10_000):
        made.feed(b" {1+}\r\nx")
        said += drain(made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tags(said) == ["a BAD [LIMIT]", "BYE [TOOBIG]"]
    assert peak < 64 * 1024


def test_ten_thousand_small_literals_in_a_session():
    """CASES H1: the command is refused, the session goes on."""
    said = events(b"a SEARCH" + b" TEXT {1+}\r\nx" * 5000 + b"\r\nb NOOP\r\n")
    assert tags(said) == ["a BAD [LIMIT]", "b NOOP"]


def test_a_million_octets_before_login():
    """CASES H2: ``LOGIN {1000000+}``."""
    assert tags(events(b"a LOGIN {1000000+}\r\n", logged_in=False)) == ["a BAD [TOOBIG]", "BYE [TOOBIG]"]


def test_literal_minus_before_login():
    """CASES H2, RFC 7888 5: above 4096 octets only for who waits; the rest of such a command is swallowed."""
    small, large = b"x" * 4096, b"x" * 4097
    assert tags(events(b"a LOGIN x {4096+}\r\n" + small + b"\r\n", logged_in=False)) == ["a LOGIN"]
    assert tags(events(b"a LOGIN x {4097}\r\n" + large + b"\r\n", logged_in=False)) == ["GoAhead", "a LOGIN"]
    said = events(b"a LOGIN x {4097+}\r\n" + large + b"\r\nb NOOP\r\n", logged_in=False)
    assert tags(said) == ["a BAD [TOOBIG]", "b NOOP"]


def test_literals_of_a_session():
    """CASES H2: 64 KiB in a command; more is swallowed up to a bound, then the connection ends."""
    most = 64 * 1024
    assert tags(events(b"a SEARCH TEXT {%d+}\r\n" % most + b"x" * most + b"\r\n")) == ["a SEARCH"]
    said = events(b"a SEARCH TEXT {%d+}\r\n" % (most + 1) + b"x" * (most + 1) + b"\r\nb NOOP\r\n")
    assert tags(said) == ["a BAD [TOOBIG]", "b NOOP"]
    assert tags(events(b"a SEARCH TEXT {2000000+}\r\n")) == ["a BAD [TOOBIG]", "BYE [TOOBIG]"]
    assert tags(events(b"a SEARCH TEXT {60000+}\r\n" + b"x" * 60000 + b" TEXT {60000}\r\n")) == [
        "a BAD [TOOBIG]"
    ]


def test_a_line_before_login():
    """CASES H4: 8 KiB, then the connection ends, also where the line never does."""
    assert tags(events(b"a LOGIN x " + b"y" * (8192 - 10) + b"\n", logged_in=False)) == ["a LOGIN"]
    assert tags(events(b"a LOGIN x " + b"y" * (8192 - 9), logged_in=False)) == ["BYE [LIMIT]"]


def test_a_token_before_login():
    """CASES H4, RFC 4959: AUTHENTICATE has 64 KiB for its initial response, and for the answer to a challenge; no more, and
    no other command has them, whatever it is called.
    """
    begin = b"a AUTHENTICATE XOAUTH2 "
    token = b"A" * (65_536 - 24)  # whole groups of base64
    assert tags(events(begin + token + b"\n", logged_in=False)) == ["a AUTHENTICATE"]
    assert tags(events(begin.lower() + token + b"\n", logged_in=False)) == ["a AUTHENTICATE"]
    assert tags(events(begin + token + b"AA", logged_in=False)) == ["BYE [LIMIT]"]
    for other in (
        b"a AUTHENTICATED ",
        b"a LOGIN ",
        b"a UID AUTHENTICATE ",
        b"AUTHENTICATE ",
        b"a  AUTHENTICATE ",
    ):
        assert tags(events(other + b"A" * 9000, logged_in=False)) == ["BYE [LIMIT]"]
    made = reader(logged_in=False)
    made.raw(True)
    made.feed(b"A" * 65_536 + b"\n")
    assert [type(event) for event in drain(made)] == [Line]
    made.feed(b"A" * 65_537)
    assert tags(drain(made)) == ["BYE [LIMIT]"]


def test_a_token_with_literals():
    """CASES H1: a long AUTHENTICATE announces nothing beyond the 8 KiB of all commands."""
    line = b"a AUTHENTICATE XOAUTH2 " + b"A" * 9000
    assert tags(events(line + b" {10}\r\nb NOOP\r\n", logged_in=False)) == ["a BAD [TOOBIG]", "b NOOP"]


def test_a_line_of_a_session():
    """CASES H4: above 64 KiB it is refused by its tag and thrown away; no more than that is held of it."""
    made = reader()
    said = []
    tracemalloc.start()
    made.feed(b"a SEARCH TEXT ")
    for _ in range(100):
        made.feed(b"y" * 10_000)
        said += drain(made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    made.feed(b"\r\nb NOOP\r\n")
    assert tags(said + drain(made)) == ["a BAD [LIMIT]", "b NOOP"]
    assert peak < 256 * 1024


def test_a_line_that_never_ends():
    """CASES H4: what is thrown away is bounded too."""
    assert tags(events(b"a SEARCH TEXT " + b"y" * 2_000_000)) == ["a BAD [LIMIT]", "BYE [TOOBIG]"]


def test_a_long_line_with_a_literal():
    """Its end is looked at although the line was thrown away: the literal is swallowed, not obeyed."""
    begin = b"a SEARCH TEXT " + b"y" * 70_000
    assert tags(events(begin + b" {10+}\r\nx LOGOUT\r\n\r\nb NOOP\r\n")) == ["a BAD [LIMIT]", "b NOOP"]
    assert tags(events(begin + b" {10}\r\nb NOOP\r\n")) == ["a BAD [LIMIT]", "b NOOP"]
    digits = b"{" + b"1" * 80 + b"+}\r\nx LOGOUT\r\n"
    assert tags(events(begin + digits)) == ["a BAD [LIMIT]", "BYE [TOOBIG]"]


def test_ten_thousand_commands_at_once():
    """CASES H4: they wait in the Reader, no event is made before it is asked for."""
    made = reader()
    made.feed(b"a NOOP\r\n" * 10_000)
    assert tags(drain(made)) == ["a NOOP"] * 10_000


def test_many_letters():
    """RFC 3502: their number is bounded."""
    said = tags(events(b"a APPEND x" + b" {0+}\r\n" * 30 + b"\r\nb NOOP\r\n", literals=10))
    assert said == ["Message"] * 10 + ["a BAD [LIMIT]", "b NOOP"]


def test_mistakes_in_a_row_end_the_connection():
    """Whoever does not speak IMAP (HTTP, a scanner) is not answered for ever; a good command forgives."""
    assert tags(events(b"GET / HTTP/1.1\r\n" * 6, mistakes=5)) == ["GET BAD"] * 5 + ["BYE [LIMIT]"]
    said = tags(events((b"\r\n" * 5 + b"a NOOP\r\n") * 3, mistakes=5))
    assert said.count("a NOOP") == 3


def test_a_broken_reader_says_nothing_more():
    """Nor does it hold what still comes."""
    made = Reader(Limits())
    made.feed(b"x" * 9000)
    assert isinstance(made.next(), Broken)
    made.feed(b"a NOOP\r\n")
    made.accept()
    made.refuse()
    assert made.next() is None
    assert made.take() == b""


def _full(unit, begin=b"", end=b"\r\n"):
    return begin + unit * ((64 * 1024 - len(begin) - len(end) - 20) // len(unit)) + end


@pytest.mark.parametrize(
    "octets",
    [
        b"\n" * 65536,
        _full(b"a b\n"),
        _full(b"a NOOP\n"),
        _full(b"a SEARCH 1\n"),
        _full(b"a UID FETCH 1 FULL\n"),
        _full(b"a LOGIN a b\n"),
        _full(b"a APPEND x {0+}\r\n\r\n"),
        _full(b"a FETCH {0}\r\n"),
        _full(b" TEXT {0+}\r\n", b"a SEARCH"),
        _full(b" {0+}\r\n", b"a APPEND x"),
        _full(b"{", b"a ", b"}\r\n"),
        _full(b"{1}", b"a "),
        _full(b"9", b"a LOGIN {", b"}\r\n"),
        _full(b"x"),
        b"x" * 65536,
        _full(b'"', b"a LOGIN "),
        _full(b"\\", b'a LOGIN "'),
        _full(b'\\"', b'a LOGIN "', b'" x\r\n'),
        _full(b"(", b"a SEARCH "),
        _full(b"NOT ", b"a SEARCH "),
        _full(b"OR 1 ", b"a SEARCH ", b"ALL\r\n"),
        _full(b",1", b"a FETCH 1", b" FLAGS\r\n"),
        _full(b"9", b"a FETCH 1:", b" FLAGS\r\n"),
        _full(b"1.", b"a FETCH 1 BODY[", b"1]\r\n"),
        _full(b"UID ", b"a FETCH 1 (", b"UID)\r\n"),
        _full(b"a ", b"a FETCH 1 BODY[HEADER.FIELDS (", b"a)]\r\n"),
        _full(b"&ZeVnLIqe-", b"a SELECT "),
        _full(b"&-", b"a SELECT "),
        _full(b"&", b"a SELECT "),
        _full(b" (SELECTED NONE)", b"a NOTIFY SET"),
        _full(b" X", b"a ENABLE"),
    ],
    ids=lambda octets: octets[:24].decode("latin-1").encode("unicode_escape").decode(),
)
@pytest.mark.parametrize("logged_in", [True, False])
def test_64_kib_of_anything_cost_little(octets, logged_in):
    """CASES H4, H6: 50 ms of CPU, twice that on a slow machine."""
    limit = SMALL_LIMIT if octets.count(b"\n") < 1000 else 2 * SMALL_LIMIT  # thousands of whole commands
    assert within(limit, lambda: events(octets, logged_in=logged_in))
