"""SEARCH: every key as RFC 9051 6.4.4 has it, in three rounds that read no more than they must."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.imap.attributes import emailid
from yubin.imap.candidate import Known
from yubin.imap.commands.keys import (
    All,
    And,
    Date,
    EmailId,
    Flag,
    Key,
    ModSeq,
    Not,
    Older,
    Or,
    Saved,
    SaveDateSupported,
    Set,
    Size,
    Text,
    ThreadId,
    Uid,
    Younger,
)
from yubin.imap.flaw import Flaw
from yubin.imap.lookup import Found, Word, lookups
from yubin.imap.search import compile_key, needs
from yubin.imap.search_terms import Test
from yubin.imap.sets import read
from yubin.mail import words
from yubin.mail.date import parse
from yubin.mailboxes import reading
from yubin.mailboxes.port import Row

NOW = 1_000_000_000.0
LETTERS = [
    (
        b"From: Taro Yamada <taro@example.jp>\r\nTo: a@example.com\r\nSubject: =?utf-8?B?5Lya6K2w44Gu6LOH5paZ?=\r\n"
        b"Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nMessage-ID: <B27397-0100000@Blurdybloop.example>\r\n"
        b"X-Spam: no\r\n\r\nThe quick brown\r\nfox\r\n"
    ),
    (
        b"From: boss@corp.example\r\nCc: =?utf-8?Q?J=C3=BCrgen?= <j@x.example>\r\nSubject: Report [urgent]\r\n"
        b"Date: Tue, 8 Feb 1994 00:10:00 +0900\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
        + "東京サーバーの移行".encode("iso-2022-jp")
    ),
    (
        b"From: shop@x.example\r\nBcc: hidden@x.example\r\nSubject:\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Big <b>Sale</b></p><style>secret</style>\r\n"
        b"--b\r\nContent-Type: application/pdf; name=invoice.pdf\r\nContent-Disposition: attachment; filename=invoice.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nc2FsZQ==\r\n--b--\r\n"
    ),
    b"\r\nno header at all\r\n",
]
SECOND = len(LETTERS[1])


@dataclass
class Mailbox:
    """As the handlers' Selected."""

    uids: list[int] = field(default_factory=lambda: [10, 20, 30, 40])
    flags: list[int] = field(default_factory=lambda: [1, 1 | 4, 0, 1 << 5])
    modseqs: list[int] = field(default_factory=lambda: [5, 6, 7, 8])
    sizes: list[int] = field(default_factory=lambda: [len(letter) for letter in LETTERS])
    keywords: tuple[str, ...] = ("$Junk",)
    recent_from: int = 40
    saved: tuple[int, ...] = (20, 30, 99)


def row_of(place: int) -> Row:
    known = reading.read(LETTERS[place])
    return Row(
        uid=10 * (place + 1),
        letter_id=UUID(int=place + 1),
        size=len(LETTERS[place]),
        received=NOW - 86400 * place,
        saved=NOW - 3600 * place,
        thread=known.thread,
        envelope=known.envelope,
        structure=known.structure,
        summary=known.summary,
    )


ROWS = [row_of(place) for place in range(len(LETTERS))]


def by_columns(test: Test, count: int) -> tuple[list[int], list[int]]:
    """Places that match, and those that are open, without a look at any letter."""
    answers = [test(place, None) for place in range(count)]
    return [n for n, one in enumerate(answers) if one], [n for n, one in enumerate(answers) if one is None]


def rounds(key: Key, found: list[Found] | None = None) -> tuple[list[int], list[int], list[int]]:
    """Sequence numbers that match; those that were open after the columns; those that were so after the rows."""
    test = compile_key(key, Mailbox(), now=NOW, found=found or ())
    yes, still = by_columns(test, len(LETTERS))
    letters = []
    for place in still:
        result = test(place, Known(ROWS[place]))
        if result is None:
            letters.append(place + 1)
            result = test(place, Known(ROWS[place], LETTERS[place]))
        assert result is not None, "the last round always answers"
        yes += [place] if result else []
    return sorted(place + 1 for place in yes), [place + 1 for place in still], letters


def found(key: Key) -> list[int]:
    return rounds(key)[0]


def text(where: str, wanted: str, name: str = "") -> Text:
    return Text(where=where, text=wanted, field=name)


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        (All(), [1, 2, 3, 4]),
        (SaveDateSupported(), [1, 2, 3, 4]),
        (Set(set=read(b"2,4:9")), [2, 4]),
        (Set(set=read(b"*")), [4]),
        (Set(set=read(b"7:9")), []),
        (Uid(set=read(b"10,25:4294967295")), [1, 3, 4]),
        (Uid(set=read(b"999:*")), [4]),
        (Saved(), [2, 3]),
        (Flag(name="\\Seen"), [1, 2]),
        (Flag(name="\\Seen", on=False), [3, 4]),
        (Flag(name="\\Flagged"), [2]),
        (Flag(name="\\Recent"), [4]),
        (Flag(name="\\Recent", on=False), [1, 2, 3]),
        (Flag(name="$JUNK"), [4]),
        (Flag(name="$Junk", on=False), [1, 2, 3]),
        (Flag(name="$Never"), []),
        (Flag(name="$Never", on=False), [1, 2, 3, 4]),
        (ModSeq(modseq=7), [3, 4]),
        (Size(op=">", size=SECOND), [n for n, letter in enumerate(LETTERS, 1) if len(letter) > SECOND]),
        (Size(op="<", size=len(LETTERS[3]) + 1), [4]),
        (And(keys=(Flag(name="\\Seen"), Flag(name="\\Flagged"))), [2]),
        (Or(keys=(Flag(name="\\Flagged"), Flag(name="$Junk"), Set(set=read(b"1")))), [1, 2, 4]),
        (Not(key=Or(keys=(Flag(name="\\Flagged"), Flag(name="$Junk")))), [1, 3]),
    ],
)
def test_what_columns_answer(key, numbers):
    """RFC 9051 6.4.4: numbers, flags, sizes and MODSEQ need nothing of any letter."""
    answer, still, _ = rounds(key)
    assert answer == numbers
    assert still == []
    assert not any((needs(key).row, needs(key).summary, needs(key).header, needs(key).body))


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        (EmailId(id=emailid(UUID(int=3))), [3]),
        (EmailId(id="M0"), []),
        (ThreadId(id=ROWS[1].thread), [2]),
        (Younger(seconds=86400), [1, 2]),
        (Older(seconds=86400), [2, 3, 4]),
        (Date(which="internal", op="on", day=date(2001, 9, 9)), [1]),
        (Date(which="internal", op="before", day=date(2001, 9, 8)), [3, 4]),
        (Date(which="internal", op="since", day=date(2001, 9, 8)), [1, 2]),
        (Date(which="saved", op="since", day=date(2001, 9, 9)), [1, 2]),
        (Date(which="saved", op="before", day=date(2001, 9, 9)), [3, 4]),
        (Date(which="sent", op="on", day=date(1994, 2, 7)), [1]),
        (Date(which="sent", op="on", day=date(1994, 2, 8)), [2]),
        (Date(which="sent", op="since", day=date(1994, 2, 8)), [2]),
        (Date(which="sent", op="before", day=date(1994, 2, 8)), [1]),
        (Date(which="sent", op="before", day=date(9999, 12, 31)), [1, 2]),
        (text("SUBJECT", "会議"), [1]),
        (text("SUBJECT", "ＲＥＰＯＲＴ"), [2]),
        (text("SUBJECT", "port ["), [2]),
        (text("SUBJECT", "レポート"), []),
        (text("FROM", "yamada"), [1]),
        (text("FROM", "aro@example"), [1]),
        (text("FROM", "example"), [1, 2, 3]),
        (text("TO", "A@EXAMPLE.COM"), [1]),
        (text("CC", "jürgen"), [2]),
        (text("BCC", "hidden"), [3]),
        (text("HEADER", "report", "Subject"), [2]),
        (text("HEADER", "<B27397-0100000@Blurdybloop.example>", "Message-ID"), [1]),
        (text("HEADER", "b27397", "MESSAGE-ID"), [1]),
    ],
)
def test_what_rows_answer(key, numbers):
    """RFC 9051 6.4.4, RFC 5032, RFC 8474 6, RFC 8514 4.3: dates, ids, and text that a summary or an ENVELOPE has."""
    answer, still, letters = rounds(key)
    assert answer == numbers
    assert still == [1, 2, 3, 4]
    assert not set(letters) & set(numbers), "no letter is read that matches"


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        (text("BODY", "quick BROWN fox"), [1]),
        (text("BODY", "uick"), [1]),
        (text("BODY", "東京"), [2]),
        (text("BODY", "ｻｰﾊﾞ"), [2]),
        (text("BODY", "サーバの移行"), [2]),
        (text("BODY", "big sale"), [3]),
        (text("BODY", "secret"), []),
        (text("BODY", "invoice.pdf"), [3]),
        (text("BODY", "yamada"), []),
        (text("TEXT", "yamada"), [1]),
        (text("TEXT", "x-spam: no"), [1]),
        (text("TEXT", "header at"), [4]),
        (text("HEADER", "no", "X-Spam"), [1]),
        (text("HEADER", "", "X-SPAM"), [1]),
        (text("HEADER", "yes", "X-Spam"), []),
        (text("SUBJECT", ""), [1, 2, 3]),
        (text("HEADER", "", "Subject"), [1, 2, 3]),
        (text("HEADER", "", "Message-ID"), [1]),
        (Not(key=text("TEXT", "example")), [4]),
        (And(keys=(text("BODY", "fox"), text("SUBJECT", "会議"))), [1]),
        (Or(keys=(text("BODY", "fox"), text("BODY", "sale"))), [1, 3]),
    ],
)
def test_what_letters_answer(key, numbers):
    """RFC 9051 6.4.4: a substring of decoded text, whatever its charset, width or kana; an empty one asks for the field."""
    assert found(key) == numbers


def test_a_letter_is_read_only_when_the_answer_depends_on_it():
    """What flags or a row have decided costs no body, under AND, OR and NOT alike."""
    body = text("BODY", "fox")
    assert rounds(And(keys=(body, Flag(name="\\Flagged"))))[1:] == ([2], [2])
    assert rounds(Or(keys=(body, Flag(name="\\Seen"))))[1:] == ([3, 4], [3, 4])
    assert rounds(And(keys=(body, text("SUBJECT", "report"))))[2] == [2]
    assert rounds(Not(key=And(keys=(Not(key=body), Flag(name="\\Flagged", on=False)))))[2] == [1, 3, 4]


def test_what_has_to_be_read_is_said():
    """The handler asks the store for no more than this."""
    assert needs(And(keys=(ModSeq(modseq=1), Not(key=Younger(seconds=1))))).modseq
    dated = needs(Date(which="sent", op="on", day=date(2000, 1, 1)))
    assert (dated.row, dated.envelope, dated.summary, dated.body) == (True, True, False, False)
    subject = needs(text("SUBJECT", "x"))
    assert (subject.summary, subject.header, subject.body) == (True, True, False)
    assert needs(Or(keys=(All(), Not(key=text("TEXT", "x"))))).body
    header = needs(text("HEADER", "x", "X-Spam"))
    assert (header.summary, header.header, header.body) == (False, True, False)


def test_a_header_alone_answers_for_fields():
    """HEADER needs no body: a large letter costs its header."""
    test = compile_key(text("HEADER", "no", "X-Spam"), Mailbox(), now=NOW)
    head = LETTERS[0][: LETTERS[0].index(b"\r\n\r\n") + 4]
    assert test(0, Known(ROWS[0], head, header_only=True)) is True
    whole = compile_key(text("TEXT", "fox"), Mailbox(), now=NOW)
    assert whole(0, Known(ROWS[0], head, header_only=True)) is None


@pytest.mark.parametrize(
    ("written", "known"),
    [
        (b"<a@x>", "<a@x>"),
        (b"", ""),
        (b'<"a b"@x>', None),
        (b"<\xe3\x81\x82@x>", None),
        (None, ""),
    ],
)
def test_a_message_id_comes_from_the_envelope(written, known):
    """As it stands there; None for what is written in another way, and has to be looked up in the letter."""
    letter = b"Subject: a\r\n" + (b"" if written is None else b"Message-ID: %b\r\n" % written) + b"\r\n"
    row = Row(**{**vars(ROWS[0]), "envelope": reading.read(letter).envelope})
    assert Known(row).message_id() == known


@given(
    st.integers(-5_000_000_000, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(
        [
            "{0:%a, %d %b %Y %H:%M:%S} ",
            "{0.day} {0:%b %Y %H:%M:%S} ",
            "{0:%a, %d %b %Y %H:%M} ",
            "{0.day} {0:%b %y %H:%M:%S} ",
        ]
    ),
    st.sampled_from(["+0900", "-1100", "GMT", "", "+0900 (JST)", 'a"b']),
)
def test_a_day_is_that_of_its_own_zone(at, form, zone):
    """RFC 3501 6.4.4 SENTON: however it is written, what the clock on the wall said, without its zone."""
    written = form.format(at) + zone
    row = Row(**{**vars(ROWS[0]), "envelope": reading.read(f"Date: {written}\r\n\r\n".encode()).envelope})
    expected = None if zone == 'a"b' else parse(form.format(at))
    assert Known(row).sent() == expected


@pytest.mark.parametrize(
    "written", ["31 Feb 2025 10:00:00 +0000", "1 Foo 2025 10:00:00 +0000", "1 Jan 2025 24:00:00 +0000"]
)
def test_a_day_that_does_not_exist_is_none(written):
    """RFC 3501 6.4.4: such a letter has no date."""
    row = Row(**{**vars(ROWS[0]), "envelope": reading.read(f"Date: {written}\r\n\r\n".encode()).envelope})
    assert Known(row).sent() is None


def test_a_summary_that_was_cut_is_not_trusted():
    """An address behind the first hundred is found in the letter."""
    letter = b"To: " + b", ".join(b"n%d@x.example" % n for n in range(300)) + b"\r\n\r\nx"
    known = reading.read(letter)
    row = Row(**{**vars(ROWS[0]), "envelope": known.envelope, "summary": known.summary})
    test = compile_key(text("TO", "n299@"), Mailbox(), now=NOW)
    assert test(0, Known(row)) is None
    assert test(0, Known(row, letter)) is True


# ── the index ──


def indexed(*places: int, key: Key) -> list[Found]:
    """The index of those letters; the others are not indexed yet."""
    answers = []
    for lookup in lookups(key):
        hits = []
        for place in places:
            header, body = reading.index_words(LETTERS[place])
            where = {"any": header | body, "header": header, "body": body}
            if all(has(where[word.where], word) for word in lookup.words):
                hits.append(10 * (place + 1))
        unknown = [10 * (n + 1) for n in range(len(LETTERS)) if n not in places]
        answers.append(Found(lookup, frozenset(hits), frozenset(unknown)))
    return answers


def has(known: frozenset[str], word: Word) -> bool:
    return word.text in known or (word.prefix and any(one.startswith(word.text) for one in known))


@pytest.mark.parametrize(
    ("key", "numbers", "read_"),
    [
        (text("BODY", "東京"), [2], []),
        (text("TEXT", "東"), [2], []),
        (text("BODY", "サーバの移行"), [2], [2]),
        (text("TEXT", "yamada"), [1], []),
        (text("TEXT", "quick brown"), [1], [1]),
        (text("TEXT", "brown quick"), [], [1]),
        (text("TEXT", "nowhere"), [], []),
        (Not(key=text("TEXT", "yamada")), [2, 3, 4], []),
        (Or(keys=(text("TEXT", "yamada"), text("BODY", "sale"))), [1, 3], []),
        (text("TEXT", "[.]"), [], [1, 2, 3, 4]),
        (text("HEADER", "no", "X-Spam"), [1], [1, 2, 3, 4]),
    ],
)
def test_the_index_spares_letters(key, numbers, read_):
    """Letters without the words are out, one word is the answer itself; several, or long Japanese ones, are looked at."""
    answer, _, letters = rounds(key, indexed(0, 1, 2, 3, key=key))
    assert answer == numbers
    assert letters == read_


def test_what_is_not_indexed_yet_is_looked_at():
    """A letter that has just come is found all the same."""
    key = text("BODY", "東京")
    answer, _, letters = rounds(key, indexed(0, 2, key=key))
    assert answer == [2]
    assert letters == [2, 4]


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (text("TEXT", "Hello"), ([("hello", True, "any")], True)),
        (text("BODY", "東京"), ([("東京", False, "body")], True)),
        (text("BODY", "東京都"), ([("東京", False, "body"), ("京都", False, "body")], False)),
        (text("BODY", "Hello world"), ([("hello", False, "body"), ("world", True, "body")], False)),
        (text("SUBJECT", "会議"), ([("会議", False, "header")], False)),
        (text("SUBJECT", "hello"), None),
        (text("FROM", "taro@example.jp"), None),
        (text("HEADER", "会議", "Subject"), ([("会議", False, "header")], False)),
        (text("HEADER", "<a-1@x.example>", "Message-ID"), ([("a-1@x.example", False, "header")], False)),
        (text("HEADER", "a-1@x.example", "Message-ID"), None),
        (text("HEADER", "会議", "Received"), None),
        (text("TEXT", "..."), None),
        (text("TEXT", ""), None),
    ],
)
def test_words_for_the_index(key, wanted):
    """TEXT and BODY by words; fields by what must stand there as a word, so that a part of one is found too."""
    found = lookups(key)
    if wanted is None:
        assert found == []
    else:
        words_, exact = wanted
        assert [([tuple(word) for word in one.words], one.exact) for one in found] == [(words_, exact)]


def test_fields_of_a_very_large_mailbox_may_be_found_by_words():
    """The handler's choice: no summary is read then where no word fits."""
    (found,) = lookups(text("FROM", "taro"), whole_words=True)
    assert found.words == (Word("taro", True, "header"),)
    assert not found.exact


def test_equal_keys_are_looked_up_once_and_few():
    """CASES H6: a search with a thousand texts asks the index for some of them."""
    assert len(lookups(Or(keys=(text("TEXT", "a"), Not(key=text("TEXT", "a")))))) == 1
    assert len(lookups(Or(keys=tuple(text("TEXT", f"w{n}") for n in range(1000))))) == 16


PLACES = st.sets(st.integers(0, 3))
LEAVES = st.sampled_from(
    [
        Flag(name="\\Seen"),
        Set(set=read(b"2:3")),
        Younger(seconds=90_000),
        text("SUBJECT", "会議"),
        text("SUBJECT", "report"),
        text("BODY", "東京"),
        text("BODY", "sale"),
        text("TEXT", "quick brown"),
        text("HEADER", "no", "X-Spam"),
    ]
)
KEYS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, key=inner)
        | st.builds(And, keys=st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, keys=st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


def plainly(key: Key, place: int) -> bool:
    if isinstance(key, Not):
        return not plainly(key.key, place)
    if isinstance(key, And):
        return all(plainly(one, place) for one in key.keys)
    if isinstance(key, Or):
        return any(plainly(one, place) for one in key.keys)
    return compile_key(key, Mailbox(), now=NOW)(place, Known(ROWS[place], LETTERS[place])) is True


@given(KEYS, PLACES)
def test_rounds_and_index_never_change_the_answer(key, places):
    """However a search is built, and whatever is indexed: what is left out was known not to match."""
    answer, _, _ = rounds(key, indexed(*places, key=key))
    assert answer == [place + 1 for place in range(len(LETTERS)) if plainly(key, place)]


# ── bounds ──


def test_too_many_texts_are_refused():
    """CASES H6: each costs a pass over every letter's text."""
    with pytest.raises(Flaw) as refused:
        compile_key(Or(keys=tuple(text("BODY", f"w{n}") for n in range(1000))), Mailbox(), now=NOW)
    assert (refused.value.status, refused.value.code) == ("NO", "LIMIT")


def test_a_thousand_flags_of_many_letters():
    """CASES H6: the longest OR that the grammar lets through, over 2,000 letters."""
    box = Mailbox(uids=list(range(1, 2001)), flags=[0] * 2000, modseqs=[1] * 2000, sizes=[1] * 2000, saved=())
    key = Or(keys=tuple(Flag(name=f"k{n}") for n in range(1000)))
    test = compile_key(key, box, now=NOW)
    assert within(2, lambda: by_columns(test, 2000), times=1)


def test_a_set_of_many_ranges_costs_what_was_written():
    """CASES H6: 20,000 ranges over 20,000 letters are found by bisection."""
    box = Mailbox(
        uids=list(range(1, 20_001)), flags=[0] * 20_000, modseqs=[1] * 20_000, sizes=[1] * 20_000, saved=()
    )
    numbers = read(b",".join(b"%d" % n for n in range(1, 40_000, 2)))
    test = compile_key(Set(set=numbers), box, now=NOW)
    answers = by_columns(test, 20_000)
    assert answers == (list(range(0, 20_000, 2)), [])
    assert within(0.5, lambda: by_columns(test, 20_000))


def test_a_needle_in_a_large_letter_is_linear():
    """The worst text for a naive search: 2 MiB of one character, and a needle that almost fits everywhere."""
    letter = b"Subject: a\r\n\r\n" + (b"a" * 997 + b"\r\n") * 2100
    row = Row(**{**vars(ROWS[0]), "structure": reading.read(letter).structure})
    test = compile_key(text("BODY", "a" * 900 + "b"), Mailbox(), now=NOW)
    assert within(1.5, lambda: test(0, Known(row, letter)), times=2)


@given(st.text(max_size=20) | st.from_regex(r"<[a-z0-9.@+_-]{1,80}>", fullmatch=True), st.text(max_size=60))
def test_what_the_index_must_have_is_there(needle, hay):
    """A field that contains the text has every word that its lookup asks for: substrings are never lost."""
    body = f"{hay}{needle}{hay}"
    for one in lookups(text("SUBJECT", needle)):
        known = words.tokens(body)
        assert all(has(frozenset(known), word) for word in one.words)
