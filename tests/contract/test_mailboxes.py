"""The mailboxes' contract, one body of tests, every adapter as a parameter: letters in, mailboxes, reading.

After every change the watchman of tests/contract/mailboxes.py counts again and follows the MODSEQ.
"""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import replace

import pytest

from tests.contract.mailboxes import (
    DAY,
    KEN,
    MARI,
    PARSED,
    START,
    TRACE,
    counted,
    filled,
    flags_of,
    large,
    letter,
    named,
    put,
    whole,
)
from yubin.errors import Exhausted, Exists, Invalid, NotFound, Unavailable
from yubin.ids import uuid7
from yubin.mailboxes.port import (
    COLUMNS,
    FIRST,
    INBOX,
    JUNK,
    KEYWORDS,
    MAILBOXES,
    ROWS_LIMIT,
    Delivered,
    How,
    Row,
    Rows,
    Usage,
    Want,
)

ALL = Want.ENVELOPE | Want.STRUCTURE | Want.SUMMARY | Want.BODY


# ── accounts ──


async def test_an_account_comes_into_being_when_it_is_named(mailboxes):
    """Its first mailboxes have ids in order, uses, and are subscribed to; another account has its own."""
    states = await mailboxes.store.mailboxes(MARI)
    assert sorted((s.id, s.name, s.special_use) for s in states) == [
        (n, name, use) for n, (name, use) in enumerate(FIRST, 1)
    ]
    assert all((s.uidnext, s.messages, s.subscribed, s.first_recent) == (1, 0, True, 1) for s in states)
    assert all(s.modseq > 0 and s.expunged_floor == 0 for s in states)
    assert len({s.uidvalidity for s in states}) == len(FIRST)
    assert await mailboxes.store.subscriptions(MARI) == tuple(sorted(name for name, _ in FIRST))
    assert await mailboxes.store.usage([MARI, KEN]) == {MARI: Usage(), KEN: Usage()}


async def test_two_who_name_an_account_at_once_find_one(mailboxes):
    """Deliveries, readers and leases of two connections at the same time: six mailboxes, all letters."""
    stores = [mailboxes.plain, await mailboxes.another()]
    await asyncio.gather(
        *(stores[n % 2].deliver([letter()]) for n in range(6)),
        *(stores[n % 2].mailboxes(MARI) for n in range(4)),
        *(stores[n % 2].lease(MARI, "pop3", str(n), 9) for n in range(4)),
    )
    assert len(await mailboxes.store.mailboxes(MARI)) == len(FIRST)
    assert list((await whole(mailboxes.store, MARI, 1)).uids) == [1, 2, 3, 4, 5, 6]


async def test_accounts_do_not_see_each_other(mailboxes):
    """What is in one is found neither by id nor by letter in the other, and the answers are those for nothing."""
    given = letter(MARI)
    await put(mailboxes, given)
    made = await mailboxes.store.create(MARI, "Secret")
    assert await mailboxes.store.find(KEN, given.letter_id) == ()
    assert (await named(mailboxes, INBOX, KEN)).messages == 0
    for id_ in (made.id, 999):
        with pytest.raises(NotFound) as caught:
            await mailboxes.store.view(KEN, id_)
        assert str(caught.value) == "550 5.1.1 There is no such mailbox"


async def test_a_forgotten_account_comes_again_as_another(mailboxes):
    """All that was in it is gone, and no UIDVALIDITY of before returns under its name."""
    given = letter()
    await put(mailboxes, given)
    await mailboxes.store.create(MARI, "Work")
    await mailboxes.store.lease(MARI, "pop3", "one", 60)
    before = {s.name: s.uidvalidity for s in await mailboxes.store.mailboxes(MARI)}
    await mailboxes.store.forget(MARI)
    await mailboxes.store.forget("nobody")
    assert await mailboxes.store.modseqs([(MARI, 1)]) == {}
    assert await mailboxes.store.usage([MARI]) == {MARI: Usage()}
    assert await mailboxes.store.lease(MARI, "pop3", "two", 60)
    await mailboxes.sleep(10)
    assert await mailboxes.store.find(MARI, given.letter_id) == ()
    assert await put(mailboxes, given) != []
    after = {s.name: s.uidvalidity for s in await mailboxes.store.mailboxes(MARI)}
    assert after.keys() == {name for name, _ in FIRST}
    assert await mailboxes.store.backlog() == 1
    assert before.keys() - after.keys() == {"Work"}


# ── letters in ──


async def test_delivered_letters_are_there_as_they_were_given(mailboxes):
    """UIDs ascend in the order of the batch; bytes, parsed values, dates, flags and sizes are the letter's."""
    first = letter(body=b"\x00\xffone", received=12345.5, flags=frozenset({"\\Seen", "$Label"}))
    second = letter(body=b"two", size=3)
    places = await put(mailboxes, first, second)
    inbox = await named(mailboxes, INBOX)
    assert [(p.mailbox_id, p.uid, p.fresh, p.uidvalidity) for p in places] == [
        (1, 1, True, inbox.uidvalidity),
        (1, 2, True, inbox.uidvalidity),
    ]
    assert (inbox.messages, inbox.unseen, inbox.uidnext, inbox.size) == (2, 1, 3, 8)
    assert list(await mailboxes.store.rows(MARI, 1, [2, 1, 77], ALL)) == [
        Row(uid=1, letter_id=first.letter_id, size=5, received=12345.5, saved=START, thread="t1", traceparent=TRACE, body=b"\x00\xffone",
            envelope=PARSED.envelope, structure=PARSED.structure, summary=PARSED.summary),
        Row(uid=2, letter_id=second.letter_id, size=3, received=START, saved=START, thread="t1", traceparent=TRACE, body=b"two",
            envelope=PARSED.envelope, structure=PARSED.structure, summary=PARSED.summary),
    ]  # fmt: skip
    assert await flags_of(mailboxes, 1) == {1: {"\\Seen", "$Label"}, 2: frozenset()}


async def test_what_is_not_asked_for_is_empty(mailboxes):
    """A row carries what was wanted and no more; a body that lies elsewhere is None, and named."""
    given = large()
    await put(mailboxes, letter(), given)
    for want, names in ((Want.NOTHING, set()), (Want.SUMMARY | Want.ENVELOPE, {"summary", "envelope"})):
        (row, other) = await mailboxes.store.rows(MARI, 1, [1, 2], want)
        assert {n for n in ("envelope", "structure", "summary", "body", "object") if getattr(row, n)} == names
        assert (other.body, other.object) == (None, "")
    (row, other) = await mailboxes.store.rows(MARI, 1, [1, 2], Want.BODY)
    assert (row.body, row.object, other.body, other.object) == (b"hello", "", None, given.object)
    assert other.size == 100_000


@pytest.mark.parametrize(
    "want",
    [Want.NOTHING, *COLUMNS, Want.PARSED, Want.SAVED | Want.SIZE, Want.BODY | Want.OBJECT, ~Want.NOTHING],
)
async def test_columns_have_what_rows_have(mailboxes, want):
    """Of each that is there what is wanted and nothing else, by UID, however the UIDs are asked for."""
    await put(mailboxes, *[letter(body=b"x" * n, size=n, received=1e9 + n) for n in range(11)], large())
    await mailboxes.store.expunge(MARI, 1, [5, 6, 9], only_deleted=False)
    for asked in (range(1, 13), [3, 12, 1, 5, 3], [7, 99], [6], []):
        rows = await mailboxes.store.rows(MARI, 1, asked, want | Want.BODY)
        found = await mailboxes.store.columns(MARI, 1, asked, want)
        assert found == Rows.of(rows, want)


async def test_columns_are_bounded(mailboxes):
    """CASES H6: wide rows come as many at once as fit, one that is wider alone; none is left out."""
    widths = [
        ROWS_LIMIT // 2,
        ROWS_LIMIT // 2 + 1,
        2 * ROWS_LIMIT,
        0,
        ROWS_LIMIT // 3,
        ROWS_LIMIT // 3,
        ROWS_LIMIT // 3,
    ]
    await put(
        mailboxes, *[letter(parsed=replace(PARSED, envelope=b"e" * width, summary=b"")) for width in widths]
    )
    wanted, found = Want.ENVELOPE | Want.SUMMARY | Want.SIZE, []
    while not found or found[-1].more:
        after = found[-1].uids[-1] if found else 0
        found.append(await mailboxes.store.columns(MARI, 1, range(after + 1, 9), wanted))
    assert [list(rows.uids) for rows in found] == [[1], [2], [3], [4, 5, 6, 7]]
    assert [len(octets) for rows in found for octets in rows.envelopes] == widths
    assert len((await mailboxes.store.columns(MARI, 1, range(1, 9), Want.ROW)).uids) == len(widths)


async def test_an_empty_body_is_no_body_elsewhere(mailboxes):
    """Nothing at all is a letter too."""
    await put(mailboxes, letter(body=b"", size=0))
    (row,) = await mailboxes.store.rows(MARI, 1, [1], Want.BODY)
    assert (row.body, row.object, row.size) == (b"", "", 0)


async def test_a_letter_delivered_again_changes_nothing(mailboxes):
    """CASES A11: said twice, in one batch or in two, there is one, and the second hears the first one's place."""
    given = letter()
    first, again = await put(mailboxes, given, given)
    assert (first.fresh, again) == (True, replace(first, fresh=False))
    modseq = (await named(mailboxes, INBOX)).modseq
    assert await put(mailboxes, replace(given, letter_id=uuid7())) == [again]
    state = await named(mailboxes, INBOX)
    assert (state.messages, state.modseq) == (1, modseq)


async def test_a_letter_delivered_again_after_it_was_expunged_stays_away(mailboxes):
    """CASES A11: the reader was faster than the repetition: it gets its old place, also when the mailbox is gone."""
    work = await mailboxes.store.create(MARI, "Work")
    given, moved = letter(), letter(mailbox_id=work.id)
    places = await put(mailboxes, given, moved)
    await mailboxes.store.expunge(MARI, 1, None, only_deleted=False)
    await mailboxes.store.delete(MARI, work.id)
    await mailboxes.store.sweep(100)
    assert await put(mailboxes, given, moved) == [replace(place, fresh=False) for place in places]
    assert (await named(mailboxes, INBOX)).messages == 0


async def test_a_delivery_id_is_each_accounts_own(mailboxes):
    """The same letter under the same delivery id goes to two accounts, and each has its own entry."""
    given = large(MARI)
    other = replace(given, account=KEN)
    places = await put(mailboxes, given, other)
    assert [(place.uid, place.fresh) for place in places] == [(1, True), (1, True)]
    assert await mailboxes.store.find(MARI, given.letter_id) == ((1, 1),)
    assert await mailboxes.store.find(KEN, given.letter_id) == ((1, 1),)


async def test_a_delivery_id_is_forgotten_after_a_week(mailboxes):
    """Seven days it is remembered, across sweeps; then it is a new letter."""
    given = letter()
    await put(mailboxes, given)
    await mailboxes.sleep(7 * DAY - 1)
    await mailboxes.store.sweep(100)
    assert not (await put(mailboxes, given))[0].fresh
    await mailboxes.sleep(2)
    await mailboxes.store.sweep(100)
    (place,) = await put(mailboxes, replace(given, letter_id=uuid7()))
    assert (place.fresh, place.uid) == (True, 2)


async def test_junk_goes_to_the_mailbox_for_it_whatever_its_name(mailboxes):
    """The special use decides; where nobody has it, INBOX; a mailbox named by id comes first."""
    junk = await named(mailboxes, "Junk")
    await mailboxes.store.rename(MARI, junk.id, "Spam/迷惑")
    work = await mailboxes.store.create(MARI, "Work")
    given = [
        letter(special_use=use, mailbox_id=id_)
        for use, id_ in ((JUNK, None), ("\\Flagged", None), (JUNK, work.id))
    ]
    assert [place.mailbox_id for place in await put(mailboxes, *given)] == [junk.id, 1, work.id]
    await mailboxes.store.delete(MARI, junk.id)
    assert [place.mailbox_id for place in await put(mailboxes, letter(special_use=JUNK))] == [1]


async def test_one_refused_letter_harms_only_itself(mailboxes):
    """No such mailbox, a flag that cannot be set, no room, too many keywords: the others of the batch are delivered."""
    batch = [
        letter(),
        letter(mailbox_id=99),
        letter(flags=frozenset({"\\Recent"})),
        letter(quota=7),
        letter(flags=frozenset(f"k{n:02}" for n in range(59))),
        letter(KEN, mailbox_id=7),
        letter(),
    ]
    answers = await mailboxes.store.deliver(batch)
    assert [type(answer) for answer in answers] == [
        Delivered, NotFound, Invalid, Exhausted, Exhausted, NotFound, Delivered,
    ]  # fmt: skip
    assert (answers[3].code, answers[3].enhanced) == (452, "4.2.2")
    assert (answers[0].uid, answers[6].uid) == (1, 2)
    assert (await whole(mailboxes.store, MARI, 1)).keywords == ()
    assert await mailboxes.store.backlog() == 2
    assert [a.fresh for a in await mailboxes.store.deliver([replace(batch[3], quota=0), batch[0]])] == [
        True,
        False,
    ]


async def test_a_quota_limits_the_bytes_of_all_entries(mailboxes):
    """RFC 9208: copies count, in all mailboxes; earlier letters of a batch count; 0 is no quota and may overshoot."""
    await put(mailboxes, letter(size=40), letter(KEN, size=1000))
    await mailboxes.store.copy(MARI, 1, [1], 2, move=False)
    answers = await mailboxes.store.deliver(
        [letter(size=15, quota=100), letter(size=6, quota=100), letter(size=5, quota=100)]
    )
    assert [type(answer) for answer in answers] == [Delivered, Exhausted, Delivered]
    await put(mailboxes, letter(size=500))
    assert (await mailboxes.store.usage([MARI]))[MARI] == Usage(used=600, messages=5)
    assert isinstance((await mailboxes.store.deliver([letter(size=1, quota=600)]))[0], Exhausted)


async def test_many_letters_for_many_accounts_in_one_batch(mailboxes):
    """Each finds its account, its mailbox and its bytes; UIDs of each mailbox ascend in the batch's order."""
    batch = [letter(f"a{n % 5}", b"%d" % n, mailbox_id=1 + n % 2) for n in range(60)]
    places = await put(mailboxes, *batch)
    for n in range(5):
        for id_ in (1, 2):
            mine = [
                (g, p)
                for g, p in zip(batch, places, strict=True)
                if g.account == f"a{n}" and p.mailbox_id == id_
            ]
            rows = await mailboxes.store.rows(f"a{n}", id_, range(1, 99), Want.BODY)
            assert [(row.uid, row.letter_id, row.body) for row in rows] == [
                (place.uid, given.letter_id, given.body) for given, place in mine
            ]
            assert [place.uid for _, place in mine] == list(range(1, 7))


async def test_an_empty_batch_is_nothing(mailboxes):
    """No operation minds an empty list."""
    store = mailboxes.store
    assert list(await store.deliver([])) == []
    assert list(await store.rows(MARI, 1, [], ALL)) == []
    assert list((await store.store(MARI, 1, [], How.ADD, frozenset({"\\Seen"}))).uids) == []
    assert list((await store.copy(MARI, 1, [], 2, move=True)).targets) == []
    assert list((await store.expunge(MARI, 1, [])).uids) == []
    assert await store.modseqs([]) == {}
    assert await store.usage([]) == {}
    assert await store.objects_known([]) == set()
    await store.index([])


# ── mailboxes ──


async def test_a_new_mailbox(mailboxes):
    """It has an id, a UIDVALIDITY and a MODSEQ above all before it, is empty, and not subscribed to."""
    before = await mailboxes.store.mailboxes(MARI)
    made = await mailboxes.store.create(MARI, "仕事/Ünïcode", "\\Flagged")
    assert (made.name, made.special_use, made.uidnext, made.subscribed) == (
        "仕事/Ünïcode",
        "\\Flagged",
        1,
        False,
    )
    assert made.id > max(s.id for s in before)
    assert made.uidvalidity > max(s.uidvalidity for s in before)
    assert made.modseq > max(s.modseq for s in before)
    assert made in await mailboxes.store.mailboxes(MARI)
    assert await mailboxes.store.mailbox(MARI, made.id) == made


async def test_a_name_or_a_use_that_is_taken(mailboxes):
    """Exists, and nothing is made."""
    for name, use in ((INBOX, ""), ("Junk", ""), ("Other", JUNK)):
        with pytest.raises(Exists):
            await mailboxes.store.create(MARI, name, use)
    await mailboxes.store.create(MARI, "inbox2")
    await mailboxes.store.create(MARI, "Inbox2")
    assert len(await mailboxes.store.mailboxes(MARI)) == len(FIRST) + 2


async def test_ids_and_uidvalidities_are_never_used_again(mailboxes):
    """RFC 9051 2.3.1.1: a name that returns has another UIDVALIDITY, also within one second; ids only grow."""
    seen = set()
    for _ in range(4):
        made = await mailboxes.store.create(MARI, "Work")
        await put(mailboxes, letter(mailbox_id=made.id))
        await mailboxes.store.delete(MARI, made.id)
        seen.add((made.id, made.uidvalidity))
    assert len({id_ for id_, _ in seen}) == len({valid for _, valid in seen}) == 4
    assert [id_ for id_, _ in sorted(seen)] == sorted(id_ for id_, _ in seen)
    assert sorted(valid for _, valid in seen) == [valid for _, valid in sorted(seen)]


async def test_too_many_mailboxes(mailboxes, monkeypatch):
    """The bound holds for create and for the rename of INBOX."""
    monkeypatch.setattr("yubin.mailboxes.rules.MAILBOXES", len(FIRST) + 1)
    assert MAILBOXES == 10_000
    await mailboxes.store.create(MARI, "Last")
    with pytest.raises(Exhausted):
        await mailboxes.store.create(MARI, "One more")
    with pytest.raises(Exhausted):
        await mailboxes.store.rename(MARI, 1, "Old")


async def test_rename_takes_what_lies_below_along(mailboxes):
    """Ids, UIDVALIDITYs, UIDs and uses stay; names that only begin alike are left alone."""
    ids = {
        name: (await mailboxes.store.create(MARI, name)).id
        for name in ("a", "a/b", "a/b/c", "a b", "ab", "a%/x")
    }
    await put(mailboxes, letter(mailbox_id=ids["a/b"]))
    before = await named(mailboxes, "a/b")
    assert (await mailboxes.store.rename(MARI, ids["a"], "z/y")).name == "z/y"
    now = {s.id: s.name for s in await mailboxes.store.mailboxes(MARI)}
    assert [now[id_] for id_ in ids.values()] == ["z/y", "z/y/b", "z/y/b/c", "a b", "ab", "a%/x"]
    assert await named(mailboxes, "z/y/b") == replace(before, name="z/y/b")


async def test_rename_up_onto_names_that_are_being_left(mailboxes):
    """``a/b`` becomes ``a``, so that ``a/b/b`` may become ``a/b``."""
    names = ("a/b", "a/b/b", "a/b/b/b")
    ids = [(await mailboxes.store.create(MARI, name)).id for name in names]
    await mailboxes.store.rename(MARI, ids[0], "a")
    now = {s.id: s.name for s in await mailboxes.store.mailboxes(MARI)}
    assert [now[id_] for id_ in ids] == ["a", "a/b", "a/b/b"]


async def test_rename_that_is_refused_changes_nothing(mailboxes):
    """A name that is taken, by itself or below; below itself; names that would grow too long."""
    ids = {
        name: (await mailboxes.store.create(MARI, name)).id
        for name in ("a", "a/b", "z/b", "Deep/" + "x" * 900)
    }
    before = await mailboxes.store.mailboxes(MARI)
    deep = await mailboxes.store.create(MARI, "Deep")
    for name, new, failure in (
        ("a", "a", Exists),
        ("a", INBOX, Exists),
        ("a", "Junk", Exists),
        ("a", "z", Exists),
        ("a", "a/b/c", Invalid),
    ):
        with pytest.raises(failure):
            await mailboxes.store.rename(MARI, ids[name], new)
    for new in ("y" * 200, "/".join("y" * 30)):
        with pytest.raises(Invalid):
            await mailboxes.store.rename(MARI, deep.id, new)
    with pytest.raises(NotFound):
        await mailboxes.store.rename(MARI, 99, "new")
    await mailboxes.store.delete(MARI, deep.id)
    assert await mailboxes.store.mailboxes(MARI) == before


async def test_rename_of_inbox_moves_its_letters(mailboxes):
    """RFC 9051 6.3.6: a new mailbox has them, with flags and keywords; INBOX stays, empty; what lies below it stays."""
    below = await mailboxes.store.create(MARI, "INBOX/below")
    given = letter(flags=frozenset({"\\Seen", "$Kept"}))
    await put(mailboxes, letter(), given)
    await mailboxes.store.expunge(MARI, 1, [1], only_deleted=False)
    before = await named(mailboxes, INBOX)
    made = await mailboxes.store.rename(MARI, 1, "INBOX/old")
    after = await named(mailboxes, INBOX)
    assert (after.id, after.messages, after.uidnext, after.uidvalidity) == (1, 0, 3, before.uidvalidity)
    assert after.modseq > before.modseq
    assert list((await mailboxes.store.view(MARI, 1, since=before.modseq)).expunged) == [2]
    assert (made.name, made.messages, made.uidnext) == ("INBOX/old", 1, 2)
    assert made.uidvalidity > below.uidvalidity
    assert await flags_of(mailboxes, made.id) == {1: {"\\Seen", "$Kept"}}
    assert await mailboxes.store.find(MARI, given.letter_id) == ((made.id, 1),)
    assert (await named(mailboxes, "INBOX/below")) == below
    with pytest.raises(Exists):
        await mailboxes.store.rename(MARI, 1, "INBOX/old")


async def test_delete_takes_the_letters_and_leaves_what_lies_below(mailboxes):
    """RFC 9051 6.3.5: INBOX is refused; the name may come again; counters and usage no longer know of the letters."""
    work = await mailboxes.store.create(MARI, "Work")
    await mailboxes.store.create(MARI, "Work/2024")
    await put(mailboxes, letter(mailbox_id=work.id, size=70), letter(size=5))
    await mailboxes.store.delete(MARI, work.id)
    assert (await mailboxes.store.usage([MARI]))[MARI] == Usage(used=5, messages=1, mailboxes=len(FIRST) + 1)
    assert (await named(mailboxes, "Work/2024")).id
    assert await mailboxes.store.modseqs([(MARI, work.id)]) == {}
    for refused, id_ in ((Invalid, 1), (NotFound, work.id)):
        with pytest.raises(refused):
            await mailboxes.store.delete(MARI, id_)
    again = await mailboxes.store.create(MARI, "Work")
    assert (again.messages, again.uidnext) == (0, 1)


async def test_every_call_that_names_a_mailbox_raises_not_found(mailboxes):
    """An id of nobody, for reading and for writing."""
    store, no = mailboxes.store, 99
    for call in (
        lambda: store.mailbox(MARI, no),
        lambda: store.select(MARI, no),
        lambda: store.delete(MARI, no),
        lambda: store.view(MARI, no),
        lambda: store.rows(MARI, no, [1], Want.BODY),
        lambda: store.columns(MARI, no, [1], Want.SIZE),
        lambda: store.store(MARI, no, [1], How.ADD, frozenset()),
        lambda: store.copy(MARI, no, [1], 1, move=False),
        lambda: store.copy(MARI, 1, [1], no, move=True),
        lambda: store.expunge(MARI, no, None),
        lambda: store.match(MARI, no, []),
    ):
        with pytest.raises(NotFound):
            await call()


async def test_subscriptions_are_of_names(mailboxes):
    """RFC 9051 6.3.7: also of names that no mailbox has; they outlive rename and delete; said twice is said once."""
    work = await mailboxes.store.create(MARI, "Work")
    for name, on in (("Work", True), ("Work", True), ("Nowhere", True), ("Drafts", False), ("Drafts", False)):
        await mailboxes.store.subscribe(MARI, name, on)
    assert (await mailboxes.store.mailbox(MARI, work.id)).subscribed
    assert not (await named(mailboxes, "Drafts")).subscribed
    assert not (await mailboxes.store.rename(MARI, work.id, "Play")).subscribed
    await mailboxes.store.delete(MARI, work.id)
    names = {name for name, _ in FIRST} - {"Drafts"} | {"Work", "Nowhere"}
    assert await mailboxes.store.subscriptions(MARI) == tuple(sorted(names))
    assert (await mailboxes.store.create(MARI, "Nowhere")).subscribed


async def test_what_is_recent_is_so_for_the_first_who_selects(mailboxes):
    """The next sees only what came after; to look (view, mailbox) takes nothing away, nor is it a change."""
    before = await filled(mailboxes, 2)
    await mailboxes.store.mailbox(MARI, 1)
    assert (await mailboxes.store.select(MARI, 1)).first_recent == 1
    assert (await mailboxes.store.select(MARI, 1)).first_recent == 3
    await put(mailboxes, letter())
    assert (await mailboxes.store.select(MARI, 1)).first_recent == 3
    after = await mailboxes.store.select(MARI, 1)
    assert (after.first_recent, before.modseq < after.modseq) == (4, True)


# ── reading ──


async def test_pages_of_a_mailbox(mailboxes):
    """``after`` and ``limit`` cut it into pages; ``more`` says whether there are others behind."""
    await filled(mailboxes, 5)
    pages = [await mailboxes.store.view(MARI, 1, after=after, limit=2) for after in (0, 2, 4)]
    assert [list(page.uids) for page in pages] == [[1, 2], [3, 4], [5]]
    assert [page.more for page in pages] == [True, True, False]
    assert all(page.state == pages[0].state for page in pages)
    exact = await mailboxes.store.view(MARI, 1, limit=5)
    assert (len(exact.uids), exact.more) == (5, False)


async def test_the_columns_of_a_page(mailboxes):
    """Arrays of 8 octets for each number, also of no entry, with room for the highest flag and for any size."""
    many = frozenset(f"k{n:02}" for n in range(KEYWORDS))
    await put(mailboxes, large(size=2**40), letter(flags=many | {"\\Seen"}))
    page = await mailboxes.store.view(MARI, 1)
    assert (page.uids, page.sizes) == (array("Q", [1, 2]), array("Q", [2**40, 5]))
    assert page.flags == array("Q", [0, 2**63 - 2**5 + 1])
    assert (page.modseqs.typecode, page.modseqs[-1] <= page.state.modseq) == ("Q", True)
    none = await mailboxes.store.view(MARI, 1, after=2)
    assert [none.uids, none.flags, none.modseqs, none.sizes] == [array("Q")] * 4


async def test_what_changed_since(mailboxes):
    """RFC 7162 3.1: entries with a higher MODSEQ; UIDs that went, on the first page only; nothing when nothing did."""
    state = await filled(mailboxes, 6)
    await mailboxes.store.store(MARI, 1, [2, 5], How.ADD, frozenset({"\\Seen"}))
    await mailboxes.store.expunge(MARI, 1, [6, 1], only_deleted=False)
    news = await mailboxes.store.view(MARI, 1, since=state.modseq, limit=1)
    assert (list(news.uids), list(news.expunged), news.more) == ([2], [1, 6], True)
    rest = await mailboxes.store.view(MARI, 1, since=state.modseq, after=2, limit=1)
    assert (list(rest.uids), list(rest.expunged), rest.more) == ([5], [], False)
    quiet = await mailboxes.store.view(MARI, 1, since=news.state.modseq)
    assert (list(quiet.uids), list(quiet.expunged), quiet.more) == ([], [], False)
    assert list((await mailboxes.store.view(MARI, 1)).expunged) == []


async def test_a_letter_is_found_wherever_it_lies(mailboxes):
    """(mailbox, UID) of each entry, of this account."""
    given = letter()
    await put(mailboxes, letter(), given)
    await mailboxes.store.copy(MARI, 1, [2], 3, move=False)
    await mailboxes.store.copy(MARI, 1, [2], 1, move=False)
    assert await mailboxes.store.find(MARI, given.letter_id) == ((1, 2), (1, 3), (3, 1))
    assert await mailboxes.store.find(MARI, uuid7()) == ()


async def test_modseqs_of_many_accounts_in_one_call(mailboxes):
    """Those that are there; accounts that nobody named are not made."""
    await put(mailboxes, letter(MARI), letter(KEN))
    mine, his = await named(mailboxes, INBOX), await named(mailboxes, INBOX, KEN)
    told = await mailboxes.store.modseqs([(MARI, 1), (KEN, 1), (KEN, 50), ("nobody", 1)])
    assert dict(told) == {(MARI, 1): (mine.modseq, 2), (KEN, 1): (his.modseq, 2)}


async def test_a_hundred_thousand_uids_at_once(mailboxes):
    """Lists of UIDs may be longer than a statement has parameters, and hold UIDs that are not there, and repetitions."""
    await filled(mailboxes, 30)
    uids = [*range(1, 100_000), 7, 7]
    assert len(await mailboxes.store.rows(MARI, 1, uids, Want.NOTHING)) == 30
    stored = await mailboxes.store.store(MARI, 1, uids, How.ADD, frozenset({"\\Deleted"}))
    assert list(stored.uids) == list(range(1, 31))
    assert list((await mailboxes.store.copy(MARI, 1, uids, 2, move=False)).sources) == list(range(1, 31))
    assert list((await mailboxes.store.expunge(MARI, 1, uids)).uids) == list(range(1, 31))


async def test_odd_uids_are_nobodys(mailboxes):
    """Zero, negative and beyond 32 bits: no entry, no trouble."""
    await filled(mailboxes, 1)
    odd = [0, -1, 2**32 - 1, 2**32, 2**62]
    assert list(await mailboxes.store.rows(MARI, 1, odd, Want.NOTHING)) == []
    assert list((await mailboxes.store.expunge(MARI, 1, odd, only_deleted=False)).uids) == []
    assert (await mailboxes.store.view(MARI, 1, since=2**62, after=2**32)).more is False


async def test_closed(mailboxes):
    """Raises Unavailable, for all."""
    await mailboxes.plain.ping()
    await mailboxes.plain.close()
    for call in (
        mailboxes.plain.ping(),
        mailboxes.plain.deliver([letter()]),
        mailboxes.plain.mailboxes(MARI),
    ):
        with pytest.raises(Unavailable):
            await call


async def test_the_watchman_notices_a_wrong_counter(mailboxes):
    """The helper of these tests can fail."""
    await filled(mailboxes, 1)

    class Wrong:
        def __getattr__(self, name):
            return getattr(mailboxes.plain, name)

        async def mailboxes(self, account):
            return tuple(replace(s, unseen=s.unseen + 1) for s in await mailboxes.plain.mailboxes(account))

    with pytest.raises(AssertionError):
        await counted(Wrong(), MARI)
