"""The mailboxes' contract: flags, copies, expunges, and who hears of them."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.mailboxes import DAY, KEN, MARI, filled, flags_of, letter, named, put, whole
from yubin.errors import Exhausted, Invalid
from yubin.mailboxes.flags import names
from yubin.mailboxes.port import FIRST_KEYWORD, INBOX, KEYWORDS, How, Usage, Want

SEEN, DELETED = frozenset({"\\Seen"}), frozenset({"\\Deleted"})


# ── flags ──


async def test_flags_are_added_removed_and_replaced(mailboxes):
    """By name; those of other entries stay; the answer has every entry that was meant, as it is now."""
    await filled(mailboxes, 3, flags=frozenset({"\\Flagged", "$A"}))
    for how, given, then in (
        (How.ADD, {"\\Seen", "$B"}, {"\\Flagged", "\\Seen", "$A", "$B"}),
        (How.REMOVE, {"\\Flagged", "$A", "$never"}, {"\\Seen", "$B"}),
        (
            How.REPLACE,
            {"\\Answered", "\\Draft", "\\Deleted", "$C"},
            {"\\Answered", "\\Draft", "\\Deleted", "$C"},
        ),
        (How.REPLACE, set(), set()),
    ):
        stored = await mailboxes.store.store(MARI, 1, [3, 1, 44], how, frozenset(given))
        assert list(stored.uids) == [1, 3]
        assert [names(bits, stored.keywords) for bits in stored.flags] == [then, then]
        assert list(stored.modseqs) == [stored.modseq] * 2
        assert await flags_of(mailboxes, 1) == {1: then, 2: {"\\Flagged", "$A"}, 3: then}
        assert (await named(mailboxes, INBOX)).modseq == stored.modseq


async def test_a_change_that_changes_nothing_leaves_the_modseq(mailboxes):
    """RFC 7162 3.1: what is so already is answered with its old MODSEQ; only the others get a new one."""
    await filled(mailboxes, 3)
    first = await mailboxes.store.store(MARI, 1, [2], How.ADD, SEEN)
    same = await mailboxes.store.store(MARI, 1, [2], How.ADD, SEEN)
    assert (list(same.uids), list(same.modseqs), same.modseq) == ([2], list(first.modseqs), first.modseq)
    both = await mailboxes.store.store(MARI, 1, [2, 3], How.ADD, SEEN)
    assert list(both.modseqs) == [first.modseq, both.modseq]
    assert both.modseq > first.modseq
    for how in (How.REMOVE, How.REPLACE):
        assert (await mailboxes.store.store(MARI, 1, [1], how, frozenset())).modseq == both.modseq


async def test_a_flag_is_written_in_any_case(mailboxes):
    """A keyword is shown as it was first written, and has one bit; system flags are known in any case."""
    await put(
        mailboxes, letter(flags=frozenset({"$Forwarded"})), letter(flags=frozenset({"$forwarded", "\\sEEN"}))
    )
    await mailboxes.store.store(MARI, 1, [2], How.ADD, frozenset({"$FORWARDED", "\\deleted"}))
    view = await whole(mailboxes.store, MARI, 1)
    assert view.keywords == ("$Forwarded",)
    assert await flags_of(mailboxes, 1) == {1: {"$Forwarded"}, 2: {"$Forwarded", "\\Seen", "\\Deleted"}}
    await mailboxes.store.store(MARI, 1, [1], How.REMOVE, frozenset({"$forwardeD"}))
    assert (await flags_of(mailboxes, 1))[1] == frozenset()


async def test_keywords_keep_their_bits(mailboxes):
    """In the order they came, also when nobody has them any more; each mailbox has its own; removing makes none."""
    await filled(mailboxes, 1)
    for keyword in ("zeta", "日本", "alpha"):
        await mailboxes.store.store(MARI, 1, [1], How.REPLACE, frozenset({keyword}))
    stored = await mailboxes.store.store(MARI, 1, [1], How.REMOVE, frozenset({"other"}))
    assert stored.keywords == ("zeta", "日本", "alpha")
    assert list(stored.flags) == [1 << FIRST_KEYWORD + 2]
    await mailboxes.store.store(MARI, 1, [55], How.ADD, frozenset({"nobodys"}))
    assert (await whole(mailboxes.store, MARI, 1)).keywords == ("zeta", "日本", "alpha")
    assert (await whole(mailboxes.store, MARI, 2)).keywords == ()


async def test_too_many_keywords_change_nothing(mailboxes):
    """Fifty-eight fit, the highest too; one more is refused whole, and so is a copy that would bring it."""
    many = frozenset(f"k{n:02}" for n in range(KEYWORDS))
    await filled(mailboxes, 2)
    await mailboxes.store.store(MARI, 1, [1], How.ADD, many)
    assert await flags_of(mailboxes, 1) == {1: many, 2: frozenset()}
    state = await named(mailboxes, INBOX)
    for how in (How.ADD, How.REPLACE):
        with pytest.raises(Exhausted) as caught:
            await mailboxes.store.store(MARI, 1, [1, 2], how, frozenset({"\\Seen", "more"}))
        assert caught.value.imap == "LIMIT"
    await put(mailboxes, letter(mailbox_id=2, flags=frozenset({"own"})))
    with pytest.raises(Exhausted):
        await mailboxes.store.copy(MARI, 1, [1, 2], 2, move=True)
    assert await named(mailboxes, INBOX) == state
    assert (await whole(mailboxes.store, MARI, 2)).keywords == ("own",)
    await mailboxes.store.copy(MARI, 1, [2], 2, move=True)


@pytest.mark.parametrize(
    "flag", ["\\Recent", "\\recent", "\\Foo", "\\", "", "x" * 101, "a\0b", "a b", "\ud800"]
)
async def test_flags_that_nobody_may_set(mailboxes, flag):
    """Recent is the server's; other names with a backslash have no meaning; a keyword has a length."""
    await filled(mailboxes, 1)
    for how in How:
        with pytest.raises(Invalid):
            await mailboxes.store.store(MARI, 1, [1], how, frozenset({"\\Seen", flag}))
    assert await flags_of(mailboxes, 1) == {1: frozenset()}


async def test_store_unless_changed_since(mailboxes):
    """RFC 7162 3.1.3: entry by entry; those with a higher MODSEQ are left alone and told; 0 refuses all."""
    await filled(mailboxes, 4)
    known = (await named(mailboxes, INBOX)).modseq
    await mailboxes.store.store(MARI, 1, [2], How.ADD, SEEN)
    stored = await mailboxes.store.store(MARI, 1, [4, 2, 1, 9], How.ADD, DELETED, unchanged_since=known)
    assert (list(stored.uids), list(stored.modified)) == ([1, 4], [2])
    assert await flags_of(mailboxes, 1) == {1: DELETED, 2: SEEN, 3: frozenset(), 4: DELETED}
    none = await mailboxes.store.store(
        MARI, 1, [1, 2, 3], How.ADD, frozenset({"\\Draft", "new"}), unchanged_since=0
    )
    assert (list(none.uids), list(none.modified), none.keywords) == ([], [1, 2, 3], ())
    assert none.modseq == stored.modseq
    same = await mailboxes.store.store(MARI, 1, [2], How.ADD, SEEN, unchanged_since=known)
    assert list(same.modified) == [2]


async def test_two_who_add_a_flag_unless_it_changed(mailboxes):
    """RFC 7162 3.1.3: of ten over two connections who take the same letter at the same MODSEQ one gets it."""
    state = await filled(mailboxes, 1)
    stores = [mailboxes.plain, await mailboxes.another()]
    answers = await asyncio.gather(
        *(
            stores[n % 2].store(
                MARI, 1, [1], How.ADD, frozenset({f"$owner{n}"}), unchanged_since=state.modseq
            )
            for n in range(10)
        )
    )
    assert sorted(len(answer.modified) for answer in answers) == [0] + [1] * 9
    assert len((await flags_of(mailboxes, 1))[1]) == 1


# ── copies ──


async def test_a_copy_is_the_same_letter(mailboxes):
    """Flags go along, keywords by name; the source stays as it was; its bytes are stored once, its size counts twice."""
    given = letter(flags=frozenset({"\\Seen", "$B"}), received=99.0)
    await put(mailboxes, letter(), given, letter(mailbox_id=3, flags=frozenset({"$A", "$b"})))
    before = await named(mailboxes, INBOX)
    target = await named(mailboxes, "Sent")
    await mailboxes.sleep(5)
    copied = await mailboxes.store.copy(MARI, 1, [7, 2, 2, 1], 3, move=False)
    assert (copied.uidvalidity, list(copied.sources), list(copied.targets), copied.modseq) == (
        target.uidvalidity, [1, 2], [2, 3], before.modseq,
    )  # fmt: skip
    assert await flags_of(mailboxes, 3) == {1: {"$A", "$b"}, 2: frozenset(), 3: {"\\Seen", "$b"}}
    assert await named(mailboxes, INBOX) == before
    assert (await named(mailboxes, "Sent")).modseq > target.modseq
    (old,) = await mailboxes.store.rows(MARI, 1, [2], Want.BODY)
    (new,) = await mailboxes.store.rows(MARI, 3, [3], Want.BODY)
    assert (new.letter_id, new.received, new.saved, new.body) == (
        given.letter_id,
        99.0,
        old.saved + 5,
        old.body,
    )
    assert (await mailboxes.store.usage([MARI]))[MARI].messages == 5


async def test_a_move_takes_its_sources_away(mailboxes):
    """RFC 6851: in one transaction; both sides hear of it; UIDs of the source are not used again."""
    await filled(mailboxes, 4)
    before = await named(mailboxes, INBOX)
    moved = await mailboxes.store.copy(MARI, 1, [4, 2, 50], 5, move=True, quota=1)
    assert (list(moved.sources), list(moved.targets)) == ([2, 4], [1, 2])
    assert moved.modseq == (await named(mailboxes, INBOX)).modseq > before.modseq
    news = await mailboxes.store.view(MARI, 1, since=before.modseq)
    assert (list(news.uids), list(news.expunged)) == ([], [2, 4])
    await put(mailboxes, letter())
    assert list((await whole(mailboxes.store, MARI, 1)).uids) == [1, 3, 5]


async def test_copy_and_move_within_a_mailbox(mailboxes):
    """RFC 6851 3: both give new UIDs at the end."""
    await filled(mailboxes, 2)
    copied = await mailboxes.store.copy(MARI, 1, [1, 2], 1, move=False)
    assert list(copied.targets) == [3, 4]
    moved = await mailboxes.store.copy(MARI, 1, [1, 3], 1, move=True)
    assert (list(moved.sources), list(moved.targets)) == ([1, 3], [5, 6])
    assert list((await whole(mailboxes.store, MARI, 1)).uids) == [2, 4, 5, 6]
    rows = await mailboxes.store.rows(MARI, 1, [2, 4, 5, 6], Want.BODY)
    assert [row.body for row in rows] == [b"1", b"1", b"0", b"0"]


async def test_a_copy_that_does_not_fit_changes_nothing(mailboxes):
    """All or none, by the bytes of all entries; to the byte; a move needs no room."""
    await put(mailboxes, letter(size=40), letter(size=10))
    for uids, quota in (([1, 2], 99), ([1], 89)):
        with pytest.raises(Exhausted) as caught:
            await mailboxes.store.copy(MARI, 1, uids, 2, move=False, quota=quota)
        assert (caught.value.code, caught.value.enhanced) == (452, "4.2.2")
    assert (await mailboxes.store.usage([MARI]))[MARI] == Usage(used=50, messages=2)
    await mailboxes.store.copy(MARI, 1, [1, 2], 2, move=False, quota=100)
    await mailboxes.store.copy(MARI, 1, [1, 2], 3, move=True, quota=100)
    assert list((await mailboxes.store.copy(MARI, 1, [1], 3, move=False, quota=1)).sources) == []


async def test_moves_across_do_not_wait_for_each_other(mailboxes):
    """Locks are taken in one order: A to B and B to A at once over two connections, and no letter is lost or doubled."""
    await put(mailboxes, *(letter(mailbox_id=1 + n % 2) for n in range(20)))
    stores = [mailboxes.plain, await mailboxes.another()]
    async with asyncio.timeout(60):
        for _ in range(3):
            await asyncio.gather(
                *(stores[n % 2].copy(MARI, 1 + n % 2, range(1, 200), 2 - n % 2, move=True) for n in range(4)),
                stores[0].deliver([letter()]),
                stores[1].expunge(MARI, 2, None),
            )
    assert (await mailboxes.store.usage([MARI]))[MARI].messages == 23
    await mailboxes.store.look(MARI)


# ── expunges ──


async def test_expunge_takes_what_is_marked(mailboxes):
    """All that are marked, or those of them that were named (UID EXPUNGE, RFC 4315 2.1), or all that were named."""
    await filled(mailboxes, 6)
    await mailboxes.store.store(MARI, 1, [1, 3, 5], How.ADD, DELETED)
    assert (await named(mailboxes, INBOX)).deleted == 3
    assert list((await mailboxes.store.expunge(MARI, 1, [5, 6, 99])).uids) == [5]
    assert list((await mailboxes.store.expunge(MARI, 1, [2, 99], only_deleted=False)).uids) == [2]
    before = await named(mailboxes, INBOX)
    done = await mailboxes.store.expunge(MARI, 1, None)
    assert (list(done.uids), done.modseq > before.modseq) == ([1, 3], True)
    assert list((await whole(mailboxes.store, MARI, 1)).uids) == [4, 6]
    assert list((await mailboxes.store.view(MARI, 1, since=before.modseq)).expunged) == [1, 3]
    assert list((await mailboxes.store.view(MARI, 1, since=1)).expunged) == [1, 2, 3, 5]
    assert list((await mailboxes.store.expunge(MARI, 1, None, only_deleted=False)).uids) == [4, 6]
    empty = await named(mailboxes, INBOX)
    assert (empty.messages, empty.unseen, empty.deleted, empty.size, empty.uidnext) == (0, 0, 0, 0, 7)


async def test_an_expunge_of_nothing_leaves_the_modseq(mailboxes):
    """Nobody is told of what did not happen."""
    state = await filled(mailboxes, 2)
    for uids in (None, [1, 2], []):
        done = await mailboxes.store.expunge(MARI, 1, uids)
        assert (list(done.uids), done.modseq) == ([], state.modseq)
    assert await named(mailboxes, INBOX) == state


async def test_expunged_uids_are_remembered_for_thirty_days(mailboxes):
    """RFC 7162 3.2: then the floor rises, and whoever knew the mailbox before it hears that it is not known any more."""
    await filled(mailboxes, 3)
    first = (await mailboxes.store.expunge(MARI, 1, [1], only_deleted=False)).modseq
    await mailboxes.sleep(20 * DAY)
    second = (await mailboxes.store.expunge(MARI, 1, [3], only_deleted=False)).modseq
    await mailboxes.sleep(10 * DAY - 1)
    await mailboxes.store.sweep(100)
    assert list((await mailboxes.store.view(MARI, 1, since=1)).expunged) == [1, 3]
    await mailboxes.sleep(2)
    await mailboxes.store.sweep(100)
    state = await named(mailboxes, INBOX)
    assert (state.expunged_floor, state.modseq) == (first, second)
    assert (await mailboxes.store.view(MARI, 1, since=first - 1)).expunged is None
    assert list((await mailboxes.store.view(MARI, 1, since=first)).expunged) == [3]
    assert (await named(mailboxes, "Sent")).expunged_floor == 0


# ── everybody at once ──


async def test_no_reader_sees_a_uid_before_the_one_below_it(mailboxes):
    """CASES H10: twenty writers over two connections; whoever polls sees UIDs come in ascending order and misses no change."""
    stores = [mailboxes.plain, await mailboxes.another()]
    reader = await mailboxes.another()
    going = True

    async def write(n):
        given = [letter() for _ in range(3)]
        places = [await stores[n % 2].deliver([one, letter(KEN)]) for one in given]
        uids = [place[0].uid for place in places]
        await stores[n % 2].store(MARI, 1, uids, How.ADD, SEEN)
        await stores[n % 2].copy(MARI, 1, uids[:1], 2, move=n % 2 == 0)
        return uids

    async def poll():
        have, since, highest = {}, 0, 0
        while True:
            last = not going
            news = await reader.view(MARI, 1, since=since, limit=100_000)
            fresh = [uid for uid in news.uids if uid not in have]
            assert all(uid > highest for uid in fresh)
            highest = max([highest, *fresh])
            have |= dict(zip(news.uids, news.flags, strict=True))
            have = {uid: bits for uid, bits in have.items() if uid not in (news.expunged or ())}
            assert news.state.modseq >= since
            since = news.state.modseq
            if last:
                return have
            await asyncio.sleep(0)

    polling = asyncio.create_task(poll())
    async with asyncio.timeout(60):
        uids = await asyncio.gather(*(write(n) for n in range(20)))
    going = False
    given = [uid for some in uids for uid in some]
    assert sorted(given) == list(range(1, 61))
    view = await whole(reader, MARI, 1)
    assert await polling == dict(zip(view.uids, view.flags, strict=True))
    assert len(view.uids) == 50
    await mailboxes.store.look(MARI)
    await mailboxes.store.look(KEN)
