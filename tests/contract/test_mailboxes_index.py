"""The mailboxes' contract: the index of words, leases, and upkeep."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.mailboxes import DAY, KEN, MARI, filled, large, letter, put, words
from yubin.ids import uuid7
from yubin.mailboxes.port import ToIndex, Where, Word


async def found(world, *asked, account=MARI, mailbox_id=1):
    match = await world.store.match(account, mailbox_id, asked)
    return list(match.uids)


# ── the index ──


async def test_letters_wait_to_be_indexed_the_oldest_first(mailboxes):
    """Given out once, with what is needed to read them, and again when whoever had them did not come back."""
    given = [letter(received=9e9), letter(KEN, received=1.0), large()]
    for one in given:
        await put(mailboxes, one)
    assert await mailboxes.store.backlog() == 3
    first = await mailboxes.store.to_index(2, 60)
    assert list(first) == [
        ToIndex(account=one.account, letter_id=one.letter_id, body=b"hello", object="") for one in given[:2]
    ]
    (third,) = await mailboxes.store.to_index(2, 60)
    assert (third.letter_id, third.body, third.object) == (given[2].letter_id, None, given[2].object)
    assert list(await mailboxes.store.to_index(9, 60)) == []
    await mailboxes.store.index([words(given[0], body="x")])
    await mailboxes.sleep(61)
    again = await mailboxes.store.to_index(9, 60)
    assert [one.letter_id for one in again] == [given[1].letter_id, given[2].letter_id]
    assert await mailboxes.store.backlog() == 2


async def test_two_who_index_get_different_letters(mailboxes):
    """Over two connections each letter is given to one."""
    await filled(mailboxes, 20)
    stores = [mailboxes.plain, await mailboxes.another()]
    rounds = await asyncio.gather(*(stores[n % 2].to_index(4, 60) for n in range(6)))
    ids = [one.letter_id for some in rounds for one in some]
    assert len(ids) == len(set(ids)) == 20


async def test_words_are_found_where_they_stand(mailboxes):
    """All of them must occur, in the header, the body, or anywhere; as a whole, or, with a prefix, as a beginning."""
    one, two = letter(), letter()
    await put(mailboxes, one, two)
    await mailboxes.store.index(
        [words(one, "tokyo 東京 invoice", "hello 京都 world"), words(two, "hello", "invoices 東京")]
    )
    for asked, uids in (
        ([Word(text="東京")], [1, 2]),
        ([Word(text="東京", where=Where.HEADER)], [1]),
        ([Word(text="東京", where=Where.BODY)], [2]),
        ([Word(text="hello"), Word(text="京都")], [1]),
        ([Word(text="hello", where=Where.HEADER), Word(text="京都")], []),
        ([Word(text="invoice")], [1]),
        ([Word(text="invoic", prefix=True)], [1, 2]),
        ([Word(text="invoice", prefix=True, where=Where.BODY)], [2]),
        ([Word(text="東", prefix=True, where=Where.HEADER)], [1]),
        ([Word(text="東")], []),
        ([Word(text="nvoice", prefix=True)], []),
        ([Word(text="hello")] * 300, [1, 2]),
        ([], [1, 2]),
    ):
        assert await found(mailboxes, *asked) == uids, asked


@pytest.mark.parametrize(
    "text",
    ['a"b', "a'b", "mari@example.jp", "a-b_c.d", "*", "a*", "AND", "header:x", "{x}", "(x)", "^x", "\\x", "naïve", "🍣",
     "ｱ", "é", "x" * 64, "ß", "a+b", "%", "𠮷野", "\u0300", "あ゙", "1"],
)  # fmt: skip
async def test_words_have_no_grammar(mailboxes, text):
    """Whatever characters a word has, it is that word, found as itself and by its beginning, and nobody else's."""
    given = letter()
    await put(mailboxes, given, letter(KEN))
    await mailboxes.store.index([words(given, "other", text)])
    for where, there in ((Where.ANY, [1]), (Where.BODY, [1]), (Where.HEADER, [])):
        assert await found(mailboxes, Word(text=text, where=where)) == there
        assert await found(mailboxes, Word(text=text[0], prefix=True, where=where)) == there
    assert await found(mailboxes, Word(text=text + "x")) == []
    assert await found(mailboxes, Word(text=text), account=KEN) == []


async def test_a_match_is_of_one_mailbox_and_one_account(mailboxes):
    """Each entry of a letter counts in its own mailbox; what is not indexed yet is said to be unknown."""
    one, two, his = letter(), letter(), letter(KEN)
    await put(mailboxes, one, two, his, letter(mailbox_id=2))
    await mailboxes.store.index([words(one, body="tea"), words(his, body="tea")])
    await mailboxes.store.copy(MARI, 1, [1, 2], 3, move=False)
    await mailboxes.store.copy(MARI, 1, [1], 1, move=False)
    tea = [Word(text="tea")]
    for account, id_, uids, unknown in (
        (MARI, 1, [1, 3], [2]),
        (MARI, 2, [], [1]),
        (MARI, 3, [1], [2]),
        (KEN, 1, [1], []),
    ):
        match = await mailboxes.store.match(account, id_, tea)
        assert (list(match.uids), list(match.unknown)) == (uids, unknown)
    await mailboxes.store.expunge(MARI, 1, None, only_deleted=False)
    match = await mailboxes.store.match(MARI, 1, tea)
    assert (list(match.uids), list(match.unknown)) == ([], [])


async def test_words_are_written_in_place_of_earlier_ones(mailboxes):
    """Indexed again, in one batch or another, a letter has the last words only; nobody minds letters that are gone."""
    one, two = letter(), letter()
    await put(mailboxes, one, two)
    await mailboxes.store.index([words(one, "old", "older"), words(two), words(one, "mid")])
    await mailboxes.store.index(
        [words(one, "new", "old2"), words(letter(), "x"), words(letter("nobody"), "x")]
    )
    for text, uids in (("old", []), ("older", []), ("mid", []), ("new", [1]), ("old2", [1])):
        assert await found(mailboxes, Word(text=text)) == uids
    assert list((await mailboxes.store.match(MARI, 1, [])).uids) == [1, 2]
    await mailboxes.store.expunge(MARI, 1, [1], only_deleted=False)
    await mailboxes.store.sweep(10)
    await mailboxes.store.index([words(one, "ghost")])
    assert await mailboxes.store.modseqs([("nobody", 1)]) == {}
    assert await found(mailboxes, Word(text="ghost")) == []


async def test_words_of_an_account_that_was_forgotten(mailboxes):
    """Who comes again under its name finds none of them."""
    given = letter()
    await put(mailboxes, given)
    await mailboxes.store.index([words(given, "secret")])
    await mailboxes.store.forget(MARI)
    await put(mailboxes, given)
    match = await mailboxes.store.match(MARI, 1, [Word(text="secret")])
    assert (list(match.uids), list(match.unknown)) == ([], [1])


# ── leases ──


async def test_a_lease_is_held_by_one_until_it_ends(mailboxes):
    """Its owner may renew; another gets it when it was given back or has run out; names and accounts are apart."""
    lease = mailboxes.store.lease
    assert await lease(MARI, "pop3", "one", 60)
    assert not await lease(MARI, "pop3", "two", 60)
    assert await lease(MARI, "other", "two", 60)
    assert await lease(KEN, "pop3", "two", 60)
    await mailboxes.sleep(59)
    assert await lease(MARI, "pop3", "one", 60)
    await mailboxes.sleep(59)
    assert not await lease(MARI, "pop3", "two", 60)
    await mailboxes.sleep(1)
    assert await lease(MARI, "pop3", "two", 60)
    await mailboxes.store.release(MARI, "pop3", "one")
    assert not await lease(MARI, "pop3", "one", 60)
    await mailboxes.store.release(MARI, "pop3", "two")
    assert await lease(MARI, "pop3", "one", 60)


async def test_a_lease_for_so_many(mailboxes):
    """The count of sessions: three hold it, the fourth waits until one left."""
    for n in range(3):
        assert await mailboxes.store.lease(MARI, "sessions", str(n), 60, most=3)
    assert not await mailboxes.store.lease(MARI, "sessions", "3", 60, most=3)
    assert await mailboxes.store.lease(MARI, "sessions", "1", 60, most=3)
    await mailboxes.store.release(MARI, "sessions", "0")
    assert await mailboxes.store.lease(MARI, "sessions", "3", 60, most=3)


async def test_ten_who_ask_for_a_lease_at_once(mailboxes):
    """Over two connections one gets it."""
    stores = [mailboxes.plain, await mailboxes.another()]
    got = await asyncio.gather(*(stores[n % 2].lease(MARI, "pop3", str(n), 60) for n in range(10)))
    assert sum(got) == 1


# ── upkeep ──


async def test_an_object_goes_when_the_last_letter_of_any_account_went(mailboxes):
    """Two accounts and two mailboxes share it: swept only when nobody has an entry; the row's bytes go the same way."""
    mine = large()
    his = large(KEN, mine.letter_id)
    alone = large()
    await put(mailboxes, mine, his, alone, letter())
    await mailboxes.store.copy(MARI, 1, [1], 2, move=False)
    names = [mine.object, alone.object]
    assert await mailboxes.store.objects_known([*names, "mailbox/none", ""]) == set(names)
    await mailboxes.store.expunge(MARI, 1, None, only_deleted=False)
    assert list(await mailboxes.store.sweep(100)) == [alone.object]
    assert await mailboxes.store.objects_known(names) == {mine.object}
    await mailboxes.store.delete(MARI, 2)
    assert list(await mailboxes.store.sweep(100)) == []
    assert await mailboxes.store.objects_known(names) == {mine.object}
    await mailboxes.store.expunge(KEN, 1, None, only_deleted=False)
    assert list(await mailboxes.store.sweep(100)) == [mine.object]
    assert await mailboxes.store.objects_known(names) == set()
    assert await mailboxes.store.backlog() == 0


async def test_a_letter_that_was_moved_is_not_swept(mailboxes):
    """Neither moved nor copied and taken away at the source, nor when INBOX was renamed."""
    given = [large(), large(), letter()]
    await put(mailboxes, *given)
    await mailboxes.store.copy(MARI, 1, [1], 2, move=True)
    await mailboxes.store.copy(MARI, 1, [2], 2, move=False)
    await mailboxes.store.expunge(MARI, 1, [2], only_deleted=False)
    await mailboxes.store.rename(MARI, 1, "Old")
    assert list(await mailboxes.store.sweep(100)) == []
    assert await mailboxes.store.objects_known([g.object for g in given]) == {
        g.object for g in given if g.object
    }
    assert await mailboxes.store.backlog() == 3


async def test_objects_of_a_forgotten_account_are_swept(mailboxes):
    """Those that nobody else has; it takes as many sweeps as it takes."""
    mine = [large() for _ in range(5)]
    await put(mailboxes, *mine, large(KEN, mine[0].letter_id), letter())
    await mailboxes.store.forget(MARI)
    gone = set()
    for _ in range(10):
        gone |= set(await mailboxes.store.sweep(2))
    assert gone == {one.object for one in mine[1:]}
    assert await mailboxes.store.objects_known([one.object for one in mine]) == {mine[0].object}
    assert await mailboxes.store.backlog() == 1


async def test_a_sweep_is_bounded_and_comes_to_an_end(mailboxes):
    """About ``limit`` rows at a time; repeated, everything that is old goes, and nothing else."""
    await put(mailboxes, *(large() for _ in range(30)), letter())
    await mailboxes.store.expunge(MARI, 1, range(1, 31), only_deleted=False)
    await mailboxes.sleep(31 * DAY)
    swept = [list(await mailboxes.store.sweep(10)) for _ in range(8)]
    assert len(swept[0]) <= 20
    assert sum(len(names) for names in swept) == 30
    assert (await mailboxes.store.view(MARI, 1, since=1)).expunged is None
    assert (list((await mailboxes.store.view(MARI, 1)).uids), await mailboxes.store.backlog()) == ([31], 1)


async def test_many_names_of_objects_at_once(mailboxes):
    """A page of the object store's listing."""
    one = large()
    await put(mailboxes, one)
    names = [one.object, *(f"mailbox/{uuid7()}" for _ in range(5000)), "'; DROP TABLE letter"]
    assert await mailboxes.store.objects_known(names) == {one.object}
