"""The account's contract: one body of tests, in the mailbox pod itself and through its client over mutual TLS."""

from array import array
from dataclasses import replace

import pytest

from services.mailbox.local import LocalAccount
from tests.integration.mailbox import bodies, desk, in_objects, letter, pieces
from yubin.errors import Denied, Exhausted, Exists, Invalid, NotFound, TooBig
from yubin.ids import uuid7
from yubin.mailboxes import wire
from yubin.mailboxes.account import PIECE, PIECES
from yubin.mailboxes.flags import names
from yubin.mailboxes.hints import Hint
from yubin.mailboxes.port import (
    KEYWORDS,
    ROW_LIMIT,
    ROWS_LIMIT,
    Copied,
    Expunged,
    How,
    Indexed,
    NewLetter,
    Parsed,
    Rows,
    Usage,
    Want,
    Where,
    Word,
)
from yubin.mailboxes.remote import RemoteAccount

TEXT = b"From: a@b.test\r\nSubject: \xc3\xa9t\xc3\xa9\r\n\r\nGood morning\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * 60_000


@pytest.fixture(params=["local", "remote"])
async def world(request, tmp_path):
    """``account(name, quota)`` opens one; ``put`` delivers a letter to anna's INBOX."""
    async with desk(tmp_path) as made:

        def account(name="anna", quota=0):
            if request.param == "remote":
                return made.account(name, quota)
            return LocalAccount(name, quota, made.storage)

        made.open = account
        yield made


async def put(world, text=TEXT, *accounts, **fields):
    (answer, *_) = await world.intake.deliver(letter(text, *accounts, **fields))
    return answer


def new(parsed):
    """Of nothing but what is kept beside it."""
    return NewLetter(
        account="anna",
        delivery_id=uuid7(),
        letter_id=uuid7(),
        body=b"",
        size=0,
        sha256=b"",
        parsed=parsed,
    )


async def listed(account, mailbox_id=1, **more):
    """A view as one page: uids, flags, sizes, expunged."""
    pages = [page async for page in account.view(mailbox_id, **more)]
    return (
        [uid for page in pages for uid in page.uids],
        [bits for page in pages for bits in page.flags],
        [size for page in pages for size in page.sizes],
        pages[0].expunged if pages[0].expunged is None else list(pages[0].expunged),
    )


async def test_the_first_mailboxes(world):
    """An account begins with its special mailboxes, by name, INBOX among them."""
    found = await world.open().mailboxes()
    assert [(m.name, m.special_use) for m in found] == [
        ("Archive", "\\Archive"),
        ("Drafts", "\\Drafts"),
        ("INBOX", ""),
        ("Junk", "\\Junk"),
        ("Sent", "\\Sent"),
        ("Trash", "\\Trash"),
    ]
    assert await world.open().mailbox(found[2].id) == found[2]


async def test_making_renaming_and_deleting(world):
    """A name is made canonical, children move along, what is taken is Exists, what is gone is NotFound."""
    account = world.open()
    made = await account.create("inbox/Cafe\u0301")
    assert made.name == "INBOX/Caf\u00e9"
    with pytest.raises(Exists):
        await account.create("INBOX/Caf\u00e9")
    with pytest.raises(Invalid):
        await account.create("a//b")
    below = await account.create("INBOX/Caf\u00e9/x")
    renamed = await account.rename(made.id, "Tea")
    assert (renamed.id, renamed.name) == (made.id, "Tea")
    assert (await account.mailbox(below.id)).name == "Tea/x"
    await account.delete(made.id)
    with pytest.raises(NotFound):
        await account.mailbox(made.id)
    assert (await account.mailbox(below.id)).name == "Tea/x"


async def test_subscriptions(world):
    """Also of names that no mailbox has; the whole list comes back, however long it is."""
    account = world.open()
    names = [f"list/{n:05d}/" + "x" * 900 for n in range(1500)]
    for name in names:
        await world.mailboxes.subscribe("anna", name, True)
    await account.subscribe("inbox/x", True)
    first = ("Archive", "Drafts", "INBOX", "INBOX/x", "Junk", "Sent", "Trash")
    assert await account.subscriptions() == (*first, *names)
    await account.subscribe(names[0], False)
    assert await account.subscriptions() == (*first, *names[1:])
    assert len(await account.mailboxes()) == 6


async def test_a_view(world):
    """Columns by UID; after a change only what changed, and what was expunged."""
    account = world.open()
    for n in range(3):
        await put(world, f"Subject: {n}\r\n\r\n" + "x" * n)
    state = await account.mailbox(1)
    assert await listed(account) == ([1, 2, 3], [0, 0, 0], [14, 15, 16], [])
    await account.store(1, [2], How.ADD, frozenset({"\\Seen", "$Work"}))
    await account.expunge(1, [1], only_deleted=False)
    uids, (bits,), _, expunged = await listed(account, since=state.modseq)
    assert (uids, bits, expunged) == ([2], 1 | 32, [1])
    assert await listed(account, after=2) == ([3], [0], [16], [])
    (page,) = [page async for page in account.view(1)]
    assert page.keywords == ("$Work",)
    assert page.state.unseen == 1


async def test_the_columns_of_a_view(world):
    """Arrays of 8 octets for each number, with room for the highest keyword."""
    parsed = Parsed(envelope=b"", structure=b"", summary=b"", thread="T")
    await world.mailboxes.deliver([new(parsed), new(parsed)])
    account = world.open()
    await account.store(1, [2], How.ADD, frozenset(f"k{n:02}" for n in range(KEYWORDS)))
    (page,) = [page async for page in account.view(1)]
    assert (page.uids, page.sizes) == (array("Q", [1, 2]), array("Q", [0, 0]))
    assert page.flags == array("Q", [0, 2**63 - 2**5])
    assert (page.modseqs.typecode, page.modseqs[1]) == ("Q", page.state.modseq)


async def test_a_view_from_a_pod_of_the_version_before(world, monkeypatch):
    """I8: it was asked for octets, knows nothing of them and answers with numbers; nobody sees a difference."""
    asked, plain = [], wire.pages_to

    def numbers(view, *, packed=False):
        asked.append(packed)
        return plain(view)

    monkeypatch.setattr(wire, "pages_to", numbers)
    for n in range(3):
        await put(world, f"Subject: {n}\r\n\r\n" + "x" * n)
    account = world.open()
    assert await listed(account) == ([1, 2, 3], [0, 0, 0], [14, 15, 16], [])
    assert asked == ([True] if isinstance(account, RemoteAccount) else [])


async def test_a_long_view(world):
    """Pages of 5,000 entries, until the last; what was expunged meanwhile is told whole."""
    parsed = Parsed(envelope=b"", structure=b"", summary=b"", thread="T")
    await world.mailboxes.deliver([new(parsed) for _ in range(5_001)])
    account = world.open()
    assert [(len(page.uids), page.more) async for page in account.view(1)] == [(5000, True), (1, False)]
    await account.expunge(1, None, only_deleted=False)
    assert (await listed(account, since=1))[3] == list(range(1, 5002))


async def test_rows(world):
    """What was asked for is there, what was not is empty, and no body travels along."""
    account = world.open()
    await put(world)
    await put(world)
    (row,) = [row async for row in account.rows(1, [1, 99], Want.ENVELOPE | Want.BODY)]
    assert (row.uid, row.size, row.body, row.object) == (1, len(TEXT), None, "")
    assert (bool(row.envelope), row.structure, row.summary) == (True, b"", b"")
    (row,) = [row async for row in account.rows(1, [2], Want.STRUCTURE | Want.SUMMARY)]
    assert (row.envelope, bool(row.structure), bool(row.summary)) == (b"", True, True)
    assert row.thread.startswith("T")
    assert [row async for row in account.rows(1, [99], Want.NOTHING)] == []


async def test_columns(world):
    """Nothing but what is wanted travels; no body, whatever is asked for; wide rows come in pieces, and none is left out."""
    account = world.open()
    await put(world)
    (found,) = [rows async for rows in account.columns(1, [99, 1], Want.ENVELOPE | Want.BODY)]
    (row,) = [row async for row in account.rows(1, [1], Want.ENVELOPE)]
    assert found == Rows(uids=(1,), envelopes=(row.envelope,))
    assert [rows async for rows in account.columns(1, [99], Want.NOTHING)] == []
    wide = Parsed(envelope=b"e" * (ROWS_LIMIT // 3), structure=b"", summary=b"", thread="T")
    await world.mailboxes.deliver(
        [new(wide) for _ in range(8)] + [new(replace(wide, envelope=b"")) for _ in range(600)]
    )
    found = [rows async for rows in account.columns(1, range(1, 2000), Want.ENVELOPE | Want.THREAD)]
    assert [uid for rows in found for uid in rows.uids] == list(range(1, 610))
    assert max(sum(map(len, rows.envelopes)) for rows in found) <= ROWS_LIMIT
    assert len(found) < 10
    assert [row.uid async for row in account.rows(1, range(1, 2000), Want.ENVELOPE)] == list(range(1, 610))


async def test_letters_small_and_large(world):
    """Whole, byte for byte, in the order of UIDs; those that are gone are left out."""
    account = world.open()
    await put(world, TEXT)
    await world.intake.deliver(await in_objects(world, LARGE))
    await put(world, b"")
    assert await bodies(account) == {1: TEXT, 2: LARGE, 3: b""}
    await account.expunge(1, [1], only_deleted=False)
    found = [some async for some in account.letters(1, [3, 2, 1, 77], Want.SIZE | Want.ENVELOPE)]
    assert [some.rows for some in found] == [
        Rows(uids=(2,), sizes=(len(LARGE),)),
        Rows(uids=(3,), sizes=(0,)),
    ]
    assert [list(some.bodies) for some in found] == [[LARGE], [b""]]


async def test_letters_come_together(world):
    """Small ones in pieces that are bounded, with what was wanted of each and nothing else; a large one in between is alone."""
    account = world.open()
    text = b"Subject: some\r\n\r\n" + b"0123456789abcde\r\n" * 3000
    for n in range(30):
        await (world.intake.deliver(await in_objects(world, LARGE)) if n == 4 else put(world, text))
    found = [some async for some in account.letters(1, range(1, 99), Want.RECEIVED)]
    rows = {row.uid: row async for row in account.rows(1, range(1, 99), Want.NOTHING)}
    assert [len(some.bodies) for some in found] == [4, 1, 10, 10, 5]
    for some in found:
        assert some.rows == Rows(
            uids=some.rows.uids, received=tuple(rows[uid].received for uid in some.rows.uids)
        )
        assert [*some.bodies] == [LARGE if uid == 5 else text for uid in some.rows.uids]
        assert len(some.bodies) == 1 or sum(map(len, some.bodies)) <= PIECES


@pytest.mark.parametrize("raw", [TEXT, LARGE])
async def test_a_body_and_parts_of_it(world, raw):
    """Pieces, none above the limit, that make up what was asked for; NotFound when the letter is gone."""
    account = world.open()
    await world.intake.deliver(await in_objects(world, raw) if len(raw) > ROW_LIMIT else letter(raw))
    found = [piece async for piece in account.body(1, 1)]
    assert b"".join(found) == raw
    assert max(map(len, found)) <= PIECE
    for offset, length in ((3, 7), (len(raw) - 2, 99), (len(raw), None), (0, 0), (5, None)):
        part = b"".join([piece async for piece in account.body(1, 1, offset=offset, length=length)])
        assert part == raw[offset:][:length]
    with pytest.raises(NotFound):
        await anext(account.body(1, 2))


@pytest.mark.parametrize("raw", [TEXT, LARGE, b""])
async def test_append(world, raw):
    """With its flags and date; a large one lies in the object store, and is read back byte for byte."""
    account = world.open()
    third = len(raw) // 3
    body = pieces(raw[:third], raw[third:])
    place = await account.append(3, body, len(raw), flags=frozenset({"\\Seen", "$Sent"}), received=1e9)
    assert (place.uid, place.fresh) == (1, True)
    assert await bodies(account, 3) == {1: raw}
    (row,) = [row async for row in account.rows(3, [1], Want.NOTHING)]
    assert row.received == 1e9
    (page,) = [page async for page in account.view(3)]
    assert names(page.flags[0], page.keywords) == {"\\Seen", "$Sent"}


async def test_append_over_quota_reads_nothing(world):
    """CASES H9: 452 4.2.2 before a byte of the letter is read; what fits is taken."""
    account = world.open(quota=100)
    read = []

    async def body():
        for _ in range(1000):
            read.append(1)
            yield bytes(1024)

    with pytest.raises(Exhausted) as failure:
        await account.append(1, body(), 1000 * 1024)
    assert (failure.value.code, failure.value.enhanced) == (452, "4.2.2")
    assert len(read) < 100  # over the wire some may have left when the refusal came
    await account.append(1, pieces(b"x" * 100), 100)
    with pytest.raises(Exhausted):
        await account.append(1, pieces(b"x"), 1)
    assert (await account.usage()).used == 100


async def test_append_once(world):
    """Said again under the same id it is the same letter, also in a mailbox that it has filled; another id is another."""
    account, id_ = world.open(quota=len(TEXT)), uuid7()
    first = await account.append(1, pieces(TEXT), len(TEXT), delivery_id=id_)
    again = await account.append(1, pieces(TEXT), len(TEXT), delivery_id=id_)
    assert first.fresh
    assert again == replace(first, fresh=False)
    with pytest.raises(Exhausted) as failure:
        await account.append(1, pieces(TEXT), len(TEXT), delivery_id=uuid7())
    assert (failure.value.code, failure.value.enhanced) == (452, "4.2.2")
    assert list(await bodies(account)) == [first.uid]


@pytest.mark.parametrize("raw", [TEXT, LARGE])
async def test_append_to_a_mailbox_that_is_not_there(world, raw):
    """NotFound, whether the mailbox is looked for before the letter is read or when it commits."""
    account = world.open()
    for id_ in (None, uuid7()):
        with pytest.raises(NotFound):
            await account.append(99, pieces(raw), len(raw), delivery_id=id_)


async def test_append_over_quota_under_an_id(world):
    """CASES H9: 452 4.2.2, for small and for large letters."""
    account = world.open(quota=10)
    for raw in (TEXT, LARGE):
        with pytest.raises(Exhausted) as failure:
            await account.append(1, pieces(raw), len(raw), delivery_id=uuid7())
        assert (failure.value.code, failure.value.enhanced) == (452, "4.2.2")
    assert (await account.usage()).used == 0


@pytest.mark.parametrize("size", [len(TEXT) - 1, len(TEXT) + 1])
async def test_append_of_another_size_than_announced(world, size):
    """Neither a byte more nor a byte less is taken."""
    account = world.open()
    with pytest.raises(Invalid):
        await account.append(1, pieces(TEXT), size)
    assert await bodies(account) == {}


async def test_append_of_a_giant(world):
    """A letter above the pod's limit is TooBig at once."""
    with pytest.raises(TooBig):
        await world.open().append(1, pieces(b"x"), 2**40)


async def test_append_whose_source_fails(world):
    """CASES A11: what its source raises is raised, and nothing is stored."""

    async def body():
        yield TEXT
        raise Denied("the client has left")

    account = world.open()
    with pytest.raises(Denied):
        await account.append(1, body(), 2 * len(TEXT))
    assert await bodies(account) == {}


async def test_flags(world):
    """Added, removed, replaced; what changed since is left alone and named."""
    account = world.open()
    await put(world)
    await put(world)
    state = await account.mailbox(1)
    stored = await account.store(1, [1], How.ADD, frozenset({"\\Flagged"}))
    assert (list(stored.uids), list(stored.flags), stored.modseq > state.modseq) == ([1], [4], True)
    second = await account.store(1, [1, 2], How.REPLACE, frozenset({"\\Seen"}), unchanged_since=state.modseq)
    assert (list(second.uids), list(second.modified)) == ([2], [1])
    gone = await account.store(1, [1], How.REMOVE, frozenset({"\\Flagged"}), unchanged_since=0)
    assert list(gone.modified) == [1]
    with pytest.raises(Invalid):
        await account.store(1, [1], How.ADD, frozenset({"\\Recent"}))


async def test_copy_move_and_expunge(world):
    """Entries go where they were sent, with their flags; a move leaves nothing behind."""
    account = world.open()
    for _ in range(3):
        await put(world)
    await account.store(1, [2], How.ADD, frozenset({"\\Deleted"}))
    target = await account.mailbox(6)
    copied = await account.copy(1, [1, 2, 9], 6, move=False)
    assert copied == Copied(
        uidvalidity=target.uidvalidity, sources=[1, 2], targets=[1, 2], modseq=copied.modseq
    )
    assert list((await account.copy(1, [3], 6, move=True)).targets) == [3]
    assert (await listed(account, 6))[:2] == ([1, 2, 3], [0, 8, 0])
    gone = await account.expunge(1, None)
    assert gone == Expunged(uids=[2], modseq=gone.modseq)
    assert (await account.expunge(1, [])).uids == []
    assert (await listed(account))[0] == [1]
    with pytest.raises(NotFound):
        await account.copy(1, [1], 99, move=False)


async def test_words(world):
    """What is not indexed is said to be unknown."""
    account = world.open()
    await put(world)
    words = [Word(text="morning", where=Where.BODY), Word(text="t", prefix=True)]
    assert list((await account.match(1, words)).unknown) == [1]
    (job,) = await world.mailboxes.to_index(5, 60)
    await world.mailboxes.index(
        [
            Indexed(
                account="anna",
                letter_id=job.letter_id,
                header=frozenset({"tea"}),
                body=frozenset({"morning"}),
            )
        ]
    )
    found = await account.match(1, words)
    assert (list(found.uids), list(found.unknown)) == ([1], [])
    assert list((await account.match(1, [Word(text="morning", where=Where.HEADER)])).uids) == []


async def test_usage_and_recent(world):
    """What an account holds; what is recent is so for one session only."""
    account = world.open()
    assert await account.usage() == Usage()
    await put(world)
    assert await account.usage() == Usage(used=len(TEXT), messages=1, mailboxes=6)
    assert (await account.select(1)).first_recent == 1
    assert (await account.select(1)).first_recent == 2


async def test_leases(world):
    """As many owners as may be; a lease that is given back is free."""
    account = world.open()
    assert await account.lease("pop3", "a", 60)
    assert await account.lease("pop3", "a", 60)
    assert not await account.lease("pop3", "b", 60)
    assert await account.lease("pop3", "b", 60, most=2)
    await account.release("pop3", "a")
    await account.release("pop3", "b")
    assert await account.lease("pop3", "c", 60)


async def test_an_account_is_forgotten(world):
    """With all that is in it; the other one stays."""
    await put(world, TEXT, "anna", "bob")
    owner = world.open() if isinstance(world.open(), LocalAccount) else world.account(pod="api")
    await owner.forget()
    assert (await world.mailboxes.usage(["anna", "bob"]))["bob"].messages == 1
    assert await bodies(world.open()) == {}


async def test_another_account_sees_nothing_of_it(world):
    """CASES H14: a mailbox id of somebody else is answered like one that does not exist."""
    mine, other = world.open("anna"), world.open("bob")
    made = await mine.create("Secret")
    await mine.append(made.id, pieces(TEXT), len(TEXT))
    said = []
    for mailbox_id in (made.id, 4711):
        for ask in (
            other.mailbox,
            other.select,
            lambda m: other.rename(m, "x"),
            other.delete,
            lambda m: anext(other.view(m)),
            lambda m: anext(other.rows(m, [1], Want.ENVELOPE)),
            lambda m: anext(other.letters(m, [1])),
            lambda m: anext(other.body(m, 1)),
            lambda m: other.append(m, pieces(b"x"), 1),
            lambda m: other.store(m, [1], How.ADD, frozenset({"\\Seen"})),
            lambda m: other.copy(m, [1], 1, move=True),
            lambda m: other.copy(1, [1], m, move=False),
            lambda m: other.expunge(m, None, only_deleted=False),
            lambda m: other.match(m, [Word(text="x")]),
        ):
            with pytest.raises(NotFound) as failure:
                await ask(mailbox_id)
            said.append(str(failure.value))
    assert said[: len(said) // 2] == said[len(said) // 2 :]
    assert await bodies(mine, made.id) == {1: TEXT}


async def test_every_change_is_hinted(world):
    """Whoever watches an account hears of each change, with the mailbox that it is about."""
    heard = []
    world.hints.watch("anna", heard.append)
    account = world.open()
    place = await put(world)
    assert heard.pop() == Hint(account="anna", mailbox_id=1, modseq=place.modseq, uidnext=2)
    await account.store(1, [1], How.ADD, frozenset({"\\Seen"}))
    moved = await account.copy(1, [1], 6, move=True)
    await put(world, TEXT, "bob")
    assert [hint.mailbox_id for hint in heard] == [1, 6, 1]
    assert [hint.modseq for hint in heard[1:]] == [moved.modseq] * 2
    assert (await account.mailbox(6)).modseq <= moved.modseq
