"""Values over the wire: what goes out comes back, and no message grows above what gRPC takes."""

from array import array
from dataclasses import replace
from functools import reduce
from operator import or_
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Exhausted, Internal
from yubin.ids import uuid7
from yubin.mailboxes import frames, wire
from yubin.mailboxes.account import PIECES
from yubin.mailboxes.deliveries import Copy, Inbound
from yubin.mailboxes.port import COLUMNS, Delivered, Letters, Mailbox, Row, Rows, View, Want, Where, Word
from yubin.runtime.rpc import MESSAGE_LIMIT
from yubin.v1 import mailbox_pb2 as pb


def state(name="INBOX", **fields):
    numbers = {f: n for n, f in enumerate(("id", "uidvalidity", "uidnext", "modseq", "expunged_floor"), 1)}
    more = {"first_recent": 6, "messages": 7, "unseen": 8, "deleted": 9, "size": 10}
    return Mailbox(name=name, special_use="\\Junk", subscribed=True, **{**numbers, **more, **fields})


def again(message):
    """As the other side reads it."""
    return type(message).FromString(message.SerializeToString())


@pytest.mark.parametrize(
    "outcome",
    [
        Delivered(mailbox_id=1, uidvalidity=2, uid=2**32 - 1, modseq=2**63 - 1),
        Delivered(mailbox_id=1, uidvalidity=2, uid=3, modseq=4, fresh=False),
    ],
)
def test_a_place_comes_back(outcome):
    """Also the largest UID and MODSEQ."""
    assert wire.outcome_from(again(wire.outcome_to(outcome))) == outcome


def test_a_failed_copy_comes_back():
    """With its kind and text; one that this version does not know is Internal, and temporary."""
    failure = wire.outcome_from(again(wire.outcome_to(Exhausted("full", code=452, enhanced="4.2.2"))))
    assert (type(failure), str(failure)) == (Exhausted, "452 4.2.2 full")
    unknown = wire.outcome_from(pb.CopyOutcome(kind="Newer", code=451, enhanced="4.3.0", text="x"))
    assert (type(unknown), unknown.temporary) == (Internal, True)


def view(**fields):
    given = {
        "state": state(),
        "keywords": ("$A", "b"),
        "uids": array("Q", [1, 9]),
        "flags": array("Q", [0, 2**62]),
        "modseqs": array("Q", [5, 6]),
        "sizes": array("Q", [2**40, 0]),
    }
    return View(**{**given, "expunged": (3, 4), "more": True, **fields})


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("expunged", [(), (3, 4), None, tuple(range(1, 350_001))])
def test_a_page_comes_back(expunged, packed):
    """A list of expunged UIDs, however long, arrives whole with its page; that it is unknown is told apart from none."""
    messages = list(wire.pages_to(view(expunged=expunged), packed=packed))
    assert max(m.ByteSize() for m in messages) < MESSAGE_LIMIT / 2
    pages = wire.Pages()
    found = [page for m in messages if (page := pages.page(again(m))) is not None]
    assert found == [view(expunged=expunged)]


@pytest.mark.parametrize("packed", [True, False])
def test_a_page_of_no_entries_comes_back(packed):
    """Both kinds of columns are none then."""
    none = dict.fromkeys(("uids", "flags", "modseqs", "sizes"), array("Q"))
    (message,) = wire.pages_to(view(**none), packed=packed)
    assert wire.Pages().page(again(message)) == view(**none)


def test_a_page_has_one_kind_of_columns():
    """I8: octets for who asks for them, and for nobody else, who may be of the version before."""
    (plain,), (packed,) = wire.pages_to(view()), wire.pages_to(view(), packed=True)
    numbers = ("uids", "flags", "modseqs", "sizes")
    assert [list(getattr(plain, name)) for name in numbers] == [[1, 9], [0, 2**62], [5, 6], [2**40, 0]]
    assert [list(getattr(packed, name)) for name in numbers] == [[]] * 4
    assert [getattr(plain, f"packed_{name}") for name in numbers] == [b""] * 4
    assert packed.packed_flags == b"\0" * 15 + b"\x40"


@pytest.mark.parametrize(
    "flaw",
    [
        {"packed_uids": b"\1" * 12},  # within a number
        {"packed_uids": b""},
        {"packed_flags": b"\1" * 8},
        {"packed_sizes": b""},
    ],
)
def test_columns_that_do_not_fit_are_a_failure(flaw):
    """Octets of another length than they should have are Internal, which a session survives; no entry is made up."""
    (message,) = wire.pages_to(view(), packed=True)
    for name, octets in flaw.items():
        setattr(message, name, octets)
    with pytest.raises(Internal):
        wire.Pages().page(again(message))


def test_columns_of_numbers_that_do_not_fit_are_a_failure():
    """The same of a pod that sends numbers."""
    (message,) = wire.pages_to(view())
    message.flags.append(1)
    with pytest.raises(Internal):
        wire.Pages().page(again(message))


def test_many_mailboxes_come_in_pages():
    """Ten thousand of the longest names, and as many subscriptions, each exactly once, no message above the limit."""
    mailboxes = [state(f"{n:05d}" + "x" * 995, id=n + 1) for n in range(10_000)]
    names = [f"{n:05d}" + "y" * 995 for n in range(10_000)]
    found, subscribed, after, most = [], [], "", 0
    while not found or after:
        message = wire.list_to(mailboxes, names, after)
        most, after = max(most, message.ByteSize()), message.next
        found += map(wire.mailbox_from, message.mailboxes)
        subscribed += message.subscriptions
    assert (found, subscribed) == (mailboxes, names)
    assert most < MESSAGE_LIMIT / 2


def test_an_account_without_anything():
    """No mailbox and no subscription is one empty page."""
    assert wire.list_to([], [], "") == pb.ListMailboxesResponse()


def test_words_come_back():
    """Each with its place."""
    words = [
        Word(text="a"),
        Word(text="京都", prefix=True, where=Where.HEADER),
        Word(text="c", where=Where.BODY),
    ]
    request = again(pb.MatchRequest(words=wire.words_to(words)))
    assert wire.words_from(request.words) == words


@pytest.mark.parametrize("in_object", [True, False])
@pytest.mark.parametrize("received", [None, 1.5e9])
def test_an_inbound_letter_comes_back(in_object, received):
    """With its bytes or the name of its object, and an empty letter is not one without bytes."""
    letter_id = uuid7()
    letter = Inbound(
        letter_id=letter_id,
        body=None if in_object else b"",
        object=f"mailbox/{letter_id}" if in_object else "",
        size=0,
        sha256=bytes(32),
        copies=(
            Copy(account="a", delivery_id=uuid7(), junk=True),
            Copy(account="b", delivery_id=uuid7()),
        ),
        received=received,
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    )
    message = frames.inbound_to(letter)
    assert message.ByteSize() <= frames.weight(letter)
    assert frames.inbound_from(again(message)) == letter


def row(uid, size):
    return Row(uid=uid, letter_id=uuid7(), size=size, received=1.0, saved=2.0, thread="T" * 40)


async def several(items):
    for item in items:
        yield item


def some_letters(sizes, want):
    """As LocalAccount has them: small ones together, a large one alone."""
    pieces: list[list[Row]] = [[]]
    for n, size in enumerate(sizes, 1):
        if pieces[-1] and sum(one.size for one in pieces[-1]) + size > PIECES:
            pieces.append([])
        pieces[-1].append(row(n, size))
    return [
        Letters(rows=Rows.of(rows, want), bodies=tuple(bytes([one.uid]) * one.size for one in rows))
        for rows in pieces
        if rows
    ]


@pytest.mark.parametrize("want", [Want.NOTHING, Want.ROW, Want.RECEIVED])
@given(st.lists(st.integers(0, 1_500_000), max_size=12))
async def test_letters_of_any_size_come_back(want, sizes):
    """CASES L3: small ones share a message, large ones take several, and each arrives whole."""
    letters = some_letters(sizes, want)
    found, fetched = [], frames.Fetched(want)
    async for piece in frames.letters_to(several(letters)):
        assert piece.ByteSize() < MESSAGE_LIMIT / 2
        found += fetched.letters(again(piece))
    assert found == letters


@given(st.lists(st.integers(0, 1_500_000), max_size=12))
async def test_letters_of_a_pod_of_the_version_before(sizes):
    """I8: it answers with rows; each becomes what was wanted."""
    want = Want.SIZE | Want.LETTER_ID
    letters = some_letters(sizes, Want.ROW)
    found, fetched = [], frames.Fetched(want)
    async for piece in frames.letter_rows_to(several(letters)):
        assert piece.ByteSize() < MESSAGE_LIMIT / 2
        found += fetched.letters(again(piece))
    assert found == [
        Letters(rows=Rows.of([one], want), bodies=(body,))
        for some in letters
        for one, body in zip(some.rows, some.bodies, strict=True)
    ]


SENT = [part for part in COLUMNS if part in Want.ROW | Want.PARSED]  # beside bodies


@st.composite
def several_rows(draw):
    sizes = draw(st.lists(st.integers(0, 2**40), max_size=6))
    return [
        Row(
            uid=n,
            letter_id=uuid7(),
            size=size,
            received=draw(st.floats(0, 1e10)),
            saved=draw(st.floats(0, 1e10)),
            thread=draw(st.text(max_size=3)),
            envelope=draw(st.binary(max_size=9)),
            structure=draw(st.binary(max_size=9)),
            summary=draw(st.binary(max_size=9)),
        )
        for n, size in enumerate(sizes, 1)
    ]


@given(several_rows(), st.sets(st.sampled_from(SENT)))
async def test_columns_come_back(rows, parts):
    """I8: as they were sent, and the same from a pod that answers with rows; one by one they are the rows that they were."""
    want = reduce(or_, parts, Want.NOTHING)
    sent = Rows.of(rows, want)
    (message,) = [piece async for piece in frames.columns_to(several([sent]))]
    assert wire.columns_from(again(message), want) == sent
    older = [piece async for piece in frames.rows_to(several(rows))]
    assert [wire.columns_from(again(piece), want) for piece in older] == ([sent] if rows else [])
    nothing = Row(uid=0, letter_id=UUID(int=0), size=0, received=0.0, saved=0.0, thread="")
    unwanted = {one: getattr(nothing, one) for part, (_, one) in COLUMNS.items() if part not in parts}
    assert list(sent) == [replace(one, **unwanted) for one in rows]


async def test_rows_share_messages():
    """A thousand rows with envelopes are a few messages below the limit, in order."""
    rows = [row(n, 1) for n in range(1, 1001)]
    wide = [Row(**{**vars(r), "envelope": b"e" * 3000}) for r in rows]
    found, count = [], 0
    async for piece in frames.rows_to(several(wide)):
        assert piece.ByteSize() < MESSAGE_LIMIT / 2
        found, count = [*found, *map(wire.row_from, again(piece).rows)], count + 1
    assert found == wide
    assert count < 20
