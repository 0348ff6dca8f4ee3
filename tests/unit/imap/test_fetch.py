"""FETCH responses: every item as the RFC has it, sections that agree with BODYSTRUCTURE, partial ones, streamed ones."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from math import floor
from quopri import encodestring
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.imap_text import Value, body, parse
from tests.conformance.odd_letters import FOLDER
from tests.unit.mail.test_mime import LINES
from tests.unit.mail.timing import within
from yubin import ids
from yubin.imap import bodies, bodystructure, codes, fetch, flags, section
from yubin.imap.attributes import Entries, Entry, date_time, emailid
from yubin.imap.bodies import Need, Range
from yubin.imap.commands import items
from yubin.imap.commands.items import Binary, BinarySize, BodyStructure, Preview, Section
from yubin.imap.fetch import Renderer, wants
from yubin.mail import mime
from yubin.mailboxes import reading
from yubin.mailboxes.port import Row, Rows, Want

LETTER = (
    b"From: Taro <taro@example.jp>\r\nTo: a@example.com\r\nSubject: =?utf-8?B?5Lu25ZCN?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n"
    b"--out\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xe6\x9c\xac\xe6\x96\x87\r\n"
    b"--out\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\nAwQ=\r\n"
    b"--out\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nX-One: 1\r\n\r\ninner text\r\n"
    b"--out\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-secret\r\n\r\n???\r\n--out--\r\n"
)
INNER = b"Subject: inner\r\nX-One: 1\r\n\r\ninner text"


def row_of(letter: bytes, **other: object) -> Row:
    known = reading.read(letter)
    values: dict = {
        "uid": 4827313,
        "letter_id": UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001),
        "size": len(letter),
        "received": 837_596_665.0,
        "saved": 1_046_522_040.0,
        "thread": known.thread,
        "envelope": known.envelope,
        "structure": known.structure,
        "summary": known.summary,
    }
    return Row(**{**values, **other})


def told(*asked: items.Item, letter: bytes = LETTER, bits: int = 0, **how) -> bytes:
    """What stands in the parentheses."""
    tell = how.pop("tell", False)
    line = Renderer(asked, ("$Junk",), **how).response(
        1, 4827313, bits, 12111230047, row_of(letter), letter, tell=tell
    )
    assert line.startswith(b"* 1 FETCH (")
    assert line.endswith(b")\r\n")
    return line[11:-3]


def value(text: bytes) -> bytes | None:
    """Of the one section that was fetched."""
    literal = re.compile(rb"\{\d+\}\r\n|\"\"\Z|NIL\Z").search(text)
    found = parse(text[literal.start() :])
    assert found is None or isinstance(found, bytes)
    return found


@pytest.mark.parametrize(
    ("item", "printed"),
    [
        (items.Flags(), b"FLAGS (\\Seen $Junk)"),
        (items.Uid(), b"UID 4827313"),
        (items.ModSeq(), b"MODSEQ (12111230047)"),
        (items.InternalDate(), b'INTERNALDATE "17-Jul-1996 09:44:25 +0000"'),
        (items.SaveDate(), b'SAVEDATE " 1-Mar-2003 12:34:00 +0000"'),
        (items.Size(), b"RFC822.SIZE %d" % len(LETTER)),
        (items.EmailId(), b"EMAILID (M%b)" % ids.number(row_of(LETTER).letter_id).encode()),
        (items.ThreadId(), b"THREADID (%b)" % row_of(LETTER).thread.encode()),
        (items.Envelope(), b"ENVELOPE " + row_of(LETTER).envelope),
        (Preview(), "PREVIEW {6}\r\n本文".encode()),
        (Preview(lazy=True), "PREVIEW {6}\r\n本文".encode()),
        (
            BodyStructure(extended=False),
            b"BODY " + bodystructure.bodystructure(mime.parse(LETTER), extended=False),
        ),
        (
            BodyStructure(extended=True),
            b"BODYSTRUCTURE " + bodystructure.bodystructure(mime.parse(LETTER), extended=True),
        ),
    ],
)
def test_an_item_is_as_the_rfc_has_it(item, printed):
    """RFC 9051 7.5.2, RFC 7162 3.1.4.2, RFC 8474 5, RFC 8514 4.2, RFC 8970 3.1."""
    assert told(item, bits=1 | 1 << 5) == printed


def test_a_client_that_speaks_utf8_gets_it_in_quotes():
    """RFC 6855 3: then a quoted string may hold it."""
    assert told(Preview(), utf8=True) == 'PREVIEW "本文"'.encode()


def test_items_stand_in_one_list():
    """Several items are one response, and what is asked for twice is told once."""
    assert told(items.Uid(), items.Size(), items.Uid()) == b"UID 4827313 RFC822.SIZE %d" % len(LETTER)


def test_uid_fetch_always_tells_the_uid():
    """RFC 3501 6.4.8: also when it was not asked for."""
    assert told(items.Size(), uid=True) == b"UID 4827313 RFC822.SIZE %d" % len(LETTER)
    assert told(items.Uid(), uid=True) == b"UID 4827313"


def test_flags_that_have_just_changed_are_told_once():
    """RFC 3501 6.4.5: BODY[] sets Seen, and the new flags are in the response; with MODSEQ where CONDSTORE is on."""
    assert told(items.Uid(), bits=1, tell=True) == b"UID 4827313 FLAGS (\\Seen)"
    assert told(items.Flags(), bits=1, tell=True) == b"FLAGS (\\Seen)"
    assert told(items.Uid(), bits=1, tell=True, modseq=True) == (
        b"UID 4827313 FLAGS (\\Seen) MODSEQ (12111230047)"
    )
    assert told(items.Uid(), bits=1, modseq=True) == b"UID 4827313"


def test_recent_is_told():
    """RFC 3501 2.3.2: it is the view's, not the store's."""
    assert told(items.Flags(), bits=flags.RECENT) == b"FLAGS (\\Recent)"


@pytest.mark.parametrize(
    ("item", "name", "octets"),
    [
        (Section(), b"BODY[]", LETTER),
        (Section(rfc822="RFC822"), b"RFC822", LETTER),
        (Section(kind="HEADER", rfc822="RFC822.HEADER"), b"RFC822.HEADER", LETTER[: LETTER.index(b"--out")]),
        (Section(kind="TEXT", rfc822="RFC822.TEXT"), b"RFC822.TEXT", LETTER[LETTER.index(b"--out") :]),
        (Section(kind="HEADER"), b"BODY[HEADER]", LETTER[: LETTER.index(b"--out")]),
        (Section(kind="TEXT"), b"BODY[TEXT]", LETTER[LETTER.index(b"--out") :]),
        (Section(path=(1,)), b"BODY[1]", "本文".encode()),
        (
            Section(path=(1,), kind="MIME"),
            b"BODY[1.MIME]",
            b"Content-Type: text/plain; charset=utf-8\r\n\r\n",
        ),
        (Section(path=(2,)), b"BODY[2]", b"AAEC\r\nAwQ="),
        (Section(path=(3,)), b"BODY[3]", INNER),
        (Section(path=(3,), kind="HEADER"), b"BODY[3.HEADER]", b"Subject: inner\r\nX-One: 1\r\n\r\n"),
        (Section(path=(3,), kind="TEXT"), b"BODY[3.TEXT]", b"inner text"),
        (Section(path=(3, 1)), b"BODY[3.1]", b"inner text"),
        (
            Section(path=(3,), kind="HEADER.FIELDS", fields=(b"x-one", b"From")),
            b"BODY[3.HEADER.FIELDS (x-one From)]",
            b"X-One: 1\r\n\r\n",
        ),
        (
            Section(path=(3,), kind="HEADER.FIELDS.NOT", fields=(b"x-one",)),
            b"BODY[3.HEADER.FIELDS.NOT (x-one)]",
            b"Subject: inner\r\n\r\n",
        ),
        (
            Section(kind="HEADER.FIELDS", fields=(b"TO", b"from", b"X Y")),
            b'BODY[HEADER.FIELDS (TO from "X Y")]',
            b"From: Taro <taro@example.jp>\r\nTo: a@example.com\r\n\r\n",
        ),
        (Section(kind="HEADER.FIELDS", fields=(b"None",)), b"BODY[HEADER.FIELDS (None)]", b"\r\n"),
        (Section(offset=0, length=4), b"BODY[]<0>", b"From"),
        (Section(offset=6, length=4), b"BODY[]<6>", b"Taro"),
        (Section(path=(3,), kind="TEXT", offset=6, length=999), b"BODY[3.TEXT]<6>", b"text"),
        (Section(offset=len(LETTER), length=1), b"BODY[]<%d>" % len(LETTER), b""),
        (Section(offset=2**32 - 1, length=2**32 - 1), b"BODY[]<4294967295>", b""),
        (
            Section(kind="HEADER.FIELDS", fields=(b"To",), offset=4, length=3),
            b"BODY[HEADER.FIELDS (To)]<4>",
            b"a@e",
        ),
        (Section(path=(9,)), b"BODY[9]", None),
        (Section(path=(1,), kind="HEADER"), b"BODY[1.HEADER]", None),
        (Section(path=(1, 1)), b"BODY[1.1]", None),
        (Section(path=(1,) * 100), b"BODY[%b]" % b".".join([b"1"] * 100), None),
        (Section(path=(9,), kind="HEADER.FIELDS", fields=(b"To",)), b"BODY[9.HEADER.FIELDS (To)]", None),
        (Binary(), b"BINARY[]", LETTER),
        (Binary(path=(1,)), b"BINARY[1]", "本文".encode()),
        (Binary(path=(3,)), b"BINARY[3]", INNER),
        (Binary(path=(9,)), b"BINARY[9]", None),
    ],
)
def test_a_section_is_what_the_letter_has_there(item, name, octets):
    """CASES H6: RFC 9051 6.4.5; a part that is not there is NIL, a partial fetch behind the end is "" (RFC 3501 6.4.5)."""
    text = told(item)
    assert text.startswith(name + b" ")
    assert value(text) == octets


@pytest.mark.parametrize(
    ("item", "printed"),
    [
        (Binary(path=(2,)), b"BINARY[2] ~{5}\r\n\0\1\2\3\4"),
        (Binary(path=(2,), offset=1, length=2), b"BINARY[2]<1> {2}\r\n\1\2"),
        (Binary(path=(2,), offset=5, length=2), b'BINARY[2]<5> ""'),
        (BinarySize(path=(2,)), b"BINARY.SIZE[2] 5"),
        (BinarySize(path=(1,)), b"BINARY.SIZE[1] 6"),
        (BinarySize(path=(3,)), b"BINARY.SIZE[3] %d" % len(INNER)),
        (BinarySize(path=(9,)), b"BINARY.SIZE[9] 0"),
        (BinarySize(), b"BINARY.SIZE[] %d" % len(LETTER)),
    ],
)
def test_binary_is_decoded(item, printed):
    """RFC 3516 4.2: content without its transfer encoding; what has NULs is a literal8 (4.4)."""
    assert told(item) == printed


@pytest.mark.parametrize("item", [Binary(path=(4,)), BinarySize(path=(4,))])
def test_an_encoding_that_nobody_knows_is_said(item):
    """RFC 3516 4.3: the handler ends with NO [UNKNOWN-CTE]; other parts of the letter are not in the way."""
    renderer = Renderer([item], ())
    renderer.response(1, 1, 0, 1, row_of(LETTER), LETTER)
    assert renderer.unknown_encoding
    assert codes.UNKNOWN_CTE == "UNKNOWN-CTE"
    other = Renderer([Binary(path=(2,))], ())
    other.response(1, 1, 0, 1, row_of(LETTER), LETTER)
    assert not other.unknown_encoding


def test_a_header_without_an_empty_line_gets_none():
    """RFC 3501 6.4.5: the blank line is in all header fetches, except where the letter has none."""
    assert (
        value(told(Section(kind="HEADER.FIELDS", fields=(b"A",)), letter=b"A: 1\r\nB: 2\r\n")) == b"A: 1\r\n"
    )


def test_a_literal_has_no_nul():
    """RFC 3501 9 CHAR8; as Dovecot, another octet stands in its place, and sizes hold."""
    letter = b"Subject: a\r\n\r\na\0b\0"
    assert told(Section(kind="TEXT"), letter=letter) == b"BODY[TEXT] {4}\r\na\x80b\x80"
    assert bodies.shown(b"plain") == b"plain"


def test_what_has_to_be_read_is_said():
    """The handler asks the store for nothing that is not told."""
    none = wants([items.Flags(), items.Uid(), items.ModSeq()])
    assert not any((none.row, none.envelope, none.structure, none.summary, none.body, none.sees))
    assert wants([items.Size()]).row
    assert wants([items.Envelope()]).envelope
    assert wants([BodyStructure(extended=True)]).structure
    assert wants([Preview()]).summary
    whole = wants([Section(peek=True)])
    assert (whole.body, whole.structure, whole.sees) == (True, False, False)
    assert wants([Section(kind="TEXT")]).structure
    assert wants([Section(path=(1,), peek=True)]).structure


@pytest.mark.parametrize(
    ("item", "sees"),
    [
        (Section(), True),
        (Section(peek=True), False),
        (Binary(path=(1,)), True),
        (Binary(path=(1,), peek=True), False),
        (BinarySize(path=(1,)), False),
        (items.Envelope(), False),
    ],
)
def test_reading_a_body_sets_seen_unless_it_peeks(item, sees):
    """RFC 3501 6.4.5, RFC 3516 4.2."""
    assert wants([item]).sees is sees


def streamed(asked: list, letter: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """As a handler does it that has only the store's ranges."""
    steps = Renderer(asked, ()).steps(Entry(1, 4827313, 0, 12111230047, row_of(letter)))
    out, read = b"", []
    step = next(steps, None)
    while step is not None:
        if isinstance(step, bytes):
            out += step
            step = next(steps, None)
            continue
        read.append((step.offset, step.length))
        octets = letter[step.offset : step.offset + step.length]
        if isinstance(step, Need):
            step = steps.send(octets)
        else:
            out += bodies.shown(octets)
            step = next(steps, None)
    return out, read


def test_only_what_is_asked_for_is_read():
    """A header of a large letter costs its header: offsets come from the tree."""

    def read(*asked: items.Item) -> list[tuple[int, int]]:
        return streamed(list(asked), LETTER)[1]

    header, picture = LETTER.index(b"--out"), LETTER.index(b"AAEC")
    assert read(Section(kind="HEADER.FIELDS", fields=(b"To",))) == [(0, header)]
    assert read(Section(path=(2,), offset=2, length=3)) == [(picture + 2, 3)]
    assert read(Section()) == [(0, len(LETTER))]
    assert read(Section(path=(9,)), items.Envelope()) == []
    assert read(Binary(path=(2,))) == [(picture, 10)]


LETTERS = st.lists(LINES, max_size=40).map(b"\r\n".join)
PATHS = st.lists(st.integers(1, 3), max_size=3).map(tuple)
SECTIONS = st.builds(
    Section,
    path=PATHS,
    kind=st.sampled_from(["", "HEADER", "TEXT", "MIME"]),
    offset=st.none() | st.integers(0, 200),
    length=st.integers(1, 100),
) | st.builds(
    Section,
    path=PATHS,
    kind=st.sampled_from(["HEADER.FIELDS", "HEADER.FIELDS.NOT"]),
    fields=st.lists(st.sampled_from([b"Subject", b"content-type", b"X"]), min_size=1, max_size=2).map(tuple),
)
ASKED = st.lists(
    SECTIONS
    | st.builds(Binary, path=PATHS)
    | st.builds(BinarySize, path=PATHS)
    | st.sampled_from(
        [items.Flags(), items.Envelope(), BodyStructure(extended=True), items.EmailId(), Preview()]
    ),
    min_size=1,
    max_size=4,
)


@given(LETTERS, ASKED)
def test_any_letter_streams_as_it_is_told_whole(letter, asked):
    """CASES G12: both ways give the same octets, and read nothing beyond the letter."""
    whole = Renderer(asked, ()).response(1, 4827313, 0, 12111230047, row_of(letter), letter)
    out, read = streamed(asked, letter)
    assert out == whole
    assert all(offset >= 0 and length > 0 and offset + length <= len(letter) for offset, length in read)


def fetched(line: bytes) -> list[tuple[bytes, Value]]:
    """Names and values of one FETCH response, read strictly."""
    name = re.compile(rb"[A-Z0-9.]+(?:\[[^\]]*\])?(?:<\d+>)? ")
    rest, found = line.removeprefix(b"* 1 FETCH ("), []
    while rest != b")\r\n":
        here = name.match(rest)
        assert here is not None, rest
        rest = rest[here.end() :]
        size = next(n for n in range(1, len(rest) + 1) if rest[n : n + 1] in {b" ", b")"} and whole(rest[:n]))
        found.append((here[0].strip(), parse(rest[:size], strict=True)))
        rest = rest[size:].removeprefix(b" ")
    return found


def whole(text: bytes) -> bool:
    try:
        parse(text, strict=True)
    except ValueError:
        return False
    return True


STRICT = ASKED.map(lambda asked: [item for item in asked if not isinstance(item, Binary)]).map(
    lambda asked: [one for one in asked if one not in (items.Flags(), items.EmailId())] or [items.Uid()]
)


@given(LETTERS, STRICT)
def test_any_response_reads_again(letter, asked):
    """What is written is what a strict reader of the grammar finds, item by item, and each section is the letter's own."""
    line = Renderer(asked, ()).response(1, 4827313, 0, 12111230047, row_of(letter), letter)
    found = fetched(line)
    unique = dict.fromkeys(asked)
    assert len(found) == len(unique)
    root = mime.parse(letter)
    plain = [one for one in unique if isinstance(one, Section) and not one.fields]
    values = [octets for name, octets in found if name.startswith(b"BODY[") and b"FIELDS" not in name]
    for item, octets in zip(plain, values, strict=True):
        place = section.find(root, item.path, item.kind)
        start = item.offset or 0
        stop = None if item.offset is None else start + item.length
        expected = (
            None if place is None else letter[place[0] : sum(place)][start:stop].replace(b"\0", b"\x80")
        )
        assert octets == expected


def leaves(found: dict, path: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], int]]:
    """Paths and sizes of all that is no multipart, as a client derives them from BODYSTRUCTURE (RFC 9051 6.4.5.1)."""
    if "parts" in found:
        return [leaf for n, part in enumerate(found["parts"], 1) for leaf in leaves(part, (*path, n))]
    here = path or (1,)
    inner = found.get("body")
    if inner is None:
        return [(here, found["octets"])]
    below = leaves(inner, here if "parts" in inner else (*here, 1))
    return [(here, found["octets"]), *below]


def agreeing(letter: bytes) -> int:
    """Asks for every part that BODYSTRUCTURE names, and for one more; how many there were."""
    shown = told(BodyStructure(extended=True), letter=letter).removeprefix(b"BODYSTRUCTURE ")
    found = leaves(body(parse(shown, strict=True), extended=True))
    for path, size in found:
        octets = value(told(Section(path=path, peek=True), letter=letter))
        assert octets is not None
        assert len(octets) == size
        assert value(told(Section(path=path, kind="MIME"), letter=letter)) is not None
    assert told(Section(path=(len(found) + 1,)), letter=letter).endswith(b" NIL")
    return len(found)


@given(LETTERS)
def test_every_part_that_bodystructure_names_is_there(letter):
    """Issue 4: what the scanner, BODYSTRUCTURE and FETCH say of a letter agrees; sizes are those of the octets."""
    assert agreeing(letter) >= 1


def test_every_part_of_a_letter_with_all_kinds_is_there():
    """The same for a letter with a text, a picture, a letter inside and an unknown encoding."""
    assert agreeing(LETTER) == 5


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.eml")), ids=lambda path: path.stem)
def test_every_part_of_an_odd_letter_is_there(path):
    """The same for each of the odd letters."""
    assert agreeing(path.read_bytes()) >= 1


def test_a_letter_inside_that_is_encoded_is_empty():
    """BODYSTRUCTURE shows an empty text there, and so does FETCH; its own octets are as they lie."""
    letter = (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQ0KDQo=\r\n"
    )
    assert agreeing(letter) == 2
    assert value(told(Section(path=(1, 1)), letter=letter)) == b""
    assert value(told(Section(path=(1,), kind="HEADER"), letter=letter)) == b""
    assert (
        told(Binary(path=(1, 1)), BinarySize(path=(1, 1)), letter=letter)
        == b'BINARY[1.1] "" BINARY.SIZE[1.1] 0'
    )
    assert value(told(Section(path=(1, 2)), letter=letter)) is None
    assert value(told(Binary(path=(1,)), letter=letter)) == b"Subject: a\r\n\r\n"


def test_a_letter_that_nobody_gave_is_no_response():
    """A section is never left out in silence."""
    with pytest.raises(ValueError, match="needs the letter"):
        Renderer([Section()], ()).response(1, 1, 0, 1, row_of(LETTER))


@given(st.binary(max_size=400), st.sampled_from(["base64", "quoted-printable"]))
def test_any_content_comes_out_of_its_encoding(content, encoding):
    """RFC 3516: BINARY gives what its writer encoded, and BINARY.SIZE its size."""
    body = b64encode(content) if encoding == "base64" else encodestring(content, quotetabs=True)
    letter = b"Content-Type: image/x\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (encoding.encode(), body)
    text = told(Binary(path=(1,)), BinarySize(path=(1,)), letter=letter)
    size = b" BINARY.SIZE[1] %d" % len(content)
    assert text.endswith(size)
    shown = text.removeprefix(b"BINARY[1] ").removesuffix(size)
    mark = b"~" if b"\0" in content else b""
    assert shown == (mark + b"{%d}\r\n%b" % (len(content), content) if content else b'""')


def test_dates_have_two_places_for_the_day():
    """RFC 3501 9 date-day-fixed."""
    assert date_time(0) == b'" 1-Jan-1970 00:00:00 +0000"'
    assert date_time(1_000_000_000.9) == b'" 9-Sep-2001 01:46:40 +0000"'


def test_an_email_id_is_an_object_id():
    """RFC 8474 4.1: letters, digits, hyphen and underscore, the first no digit."""
    assert re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,254}", emailid(UUID(int=2**128 - 1)))


def columns_of(rows: list[Row], bits: list[int]) -> Entries:
    """As if all were asked for."""
    many, numbers = Rows.of(rows, Want.ROW | Want.PARSED), range(1, len(rows) + 1)
    return Entries(numbers, many.uids, bits, [n << 40 for n in numbers], many.sizes, many)


BESIDE = [
    items.Flags(),
    items.Uid(),
    items.ModSeq(),
    items.InternalDate(),
    items.SaveDate(),
    items.Size(),
    items.EmailId(),
    items.ThreadId(),
    items.Envelope(),
    Preview(),
    BodyStructure(extended=False),
    BodyStructure(extended=True),
]


@given(
    st.lists(st.sampled_from(BESIDE), min_size=1, max_size=6),
    st.lists(
        st.tuples(st.sampled_from([LETTER, INNER]), st.integers(0, 63), st.floats(-1e9, 1e10)), max_size=5
    ),
    st.booleans(),
)
def test_columns_say_what_rows_say(asked, letters, switch):
    """Many at once are octet for octet what each is alone, whatever is asked for."""
    rows = [row_of(raw, uid=n * 7, saved=at, received=at) for n, (raw, _, at) in enumerate(letters, 1)]
    bits = [bits | flags.RECENT if n % 2 else bits for n, (_, bits, _) in enumerate(letters)]
    renderer = Renderer(asked, ("$Junk",), uid=switch, utf8=switch)
    alone = [
        renderer.response(n, row.uid, one, n << 40, row)
        for n, (row, one) in enumerate(zip(rows, bits, strict=True), 1)
    ]
    assert list(renderer.lines(columns_of(rows, bits))) == alone


@given(st.floats(-6e10, 2e11))
def test_a_moment_is_that_of_the_calendar(at):
    """RFC 3501 9 date-time: every second of it, before 1970 too."""
    shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=floor(at))
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
        shown.month - 1
    ]
    assert date_time(at).decode() == f'"{shown.day:2}-{month}-{shown.year:04} {shown:%H:%M:%S} +0000"'


def test_envelopes_of_5000_letters_are_cheap():
    """FETCH 1:* ENVELOPE, 5,000 letters: a microsecond each in this module (here with room for a slow machine)."""
    renderer = Renderer([items.Envelope()], (), uid=True)
    entries = columns_of([row_of(LETTER)] * 5000, [1] * 5000)
    assert within(5000 * 5e-6, lambda: b"".join(renderer.lines(entries)))


def test_a_whole_letter_is_not_searched():
    """50 MiB in one section: looked at for NULs and copied once; nothing of it is read by Python."""
    letter = b"Subject: a\r\n\r\n" + b"x" * 50 * 1024 * 1024
    row = row_of(b"Subject: a\r\n\r\n", size=len(letter))
    renderer = Renderer([Section()], ())
    assert within(0.5, lambda: renderer.response(1, 1, 0, 1, row, letter))


def test_steps_of_a_large_letter_hold_nothing():
    """The octets themselves are the store's: a response of 50 MiB is two short pieces and a range."""
    row = row_of(b"Subject: a\r\n\r\n", size=50 * 1024 * 1024)
    steps = list(Renderer([Section()], ()).steps(Entry(1, 7, 0, 1, row)))
    assert Range(0, 50 * 1024 * 1024) in steps
    assert sum(len(step) for step in steps if isinstance(step, bytes)) < 100


def test_the_item_module_is_what_wants_knows():
    """A new item of the grammar is either known beside the letter or needs it."""
    named = [kind for kind in vars(items).values() if isinstance(kind, type) and issubclass(kind, items.Item)]
    kinds = [kind for kind in named if kind not in {items.Item, BodyStructure}]
    for item in [*(kind() for kind in kinds), BodyStructure(extended=True)]:
        assert fetch.wants([item]) is not None
        assert Renderer([item], ()).response(1, 1, 0, 1, row_of(LETTER), LETTER).startswith(b"* 1 FETCH (")
