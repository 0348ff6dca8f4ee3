"""What is PostgreSQL's own in the mailboxes: locks, plans, a server that dies, and what two who work at once leave behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from tests.contract.mailboxes import KEN, MARI, counted, large, letter, whole, words
from tests.servers.postgres import Postgres
from yubin.database import postgres
from yubin.database.failures import CommitUnknown
from yubin.errors import Unavailable
from yubin.ids import uuid7
from yubin.mailboxes.port import Delivered, How, Indexed, NewLetter, Want, Word
from yubin.mailboxes.postgres import PostgresMailboxes
from yubin.mailboxes.postgres_changes import FIRST_STORE, STORE
from yubin.mailboxes.postgres_deliver import DELIVER, FIRST_DELIVER, rounds
from yubin.mailboxes.postgres_schema import POSTGRES, TABLES
from yubin.mailboxes.postgres_words import mark

SEEN, DELETED = frozenset({"\\Seen"}), frozenset({"\\Deleted"})
MANY = 100_000


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresMailboxes]:
    opened = await PostgresMailboxes.open(postgres_dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def single(postgres_dsn: str) -> AsyncIterator[PostgresMailboxes]:
    """With one connection, so that every statement meets the same plans."""
    opened = await PostgresMailboxes.open(postgres_dsn, size=1)
    yield opened
    await opened.close()


@pytest.fixture
async def stores(postgres_dsn: str) -> AsyncIterator[list[PostgresMailboxes]]:
    """Three pods at the same database."""
    opened = [await PostgresMailboxes.open(postgres_dsn) for _ in range(3)]
    yield opened
    for one in opened:
        await one.close()


@pytest.fixture
async def others(postgres_dsn: str) -> AsyncIterator[list[asyncpg.Connection]]:
    """Two connections of somebody else."""
    opened = [await asyncpg.connect(postgres_dsn) for _ in range(2)]
    yield opened
    for one in opened:
        await one.close()


async def one_value(store: PostgresMailboxes, sql: str) -> Any:
    return await store.pool.fetchval(sql)


async def deadlocks(store: PostgresMailboxes) -> int:
    """How many the server has noticed in this database, those included that were tried again."""
    await one_value(store, "SELECT pg_stat_force_next_flush()")
    return await one_value(store, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")


async def nothing_left_over(store: PostgresMailboxes) -> None:
    """No entry without its letter, nothing of a letter that is gone."""
    for table, key in (
        ("mailbox_entry", "letter_id"), ("mailbox_body", "letter_id"), ("mailbox_words", "letter_id"),
        ("mailbox_unindexed", "letter_id"), ("mailbox_loose", "letter_id"),
    ):  # fmt: skip
        lost = f"""SELECT count(*) FROM {table} x WHERE NOT EXISTS (
            SELECT 1 FROM mailbox_letter l WHERE l.account_id = x.account_id AND l.id = x.{key})"""
        assert await one_value(store, lost) == 0, table


# ── the schema ──


async def test_the_schema_goes_back_one_step_and_forward_again(postgres_dsn):
    """CASES M4: step by step nothing of it is left behind, tables and functions alike, and it can be made again."""
    ours = """SELECT count(*) FROM (
        SELECT relname FROM pg_class WHERE relname LIKE 'mailbox%' UNION SELECT proname FROM pg_proc WHERE proname LIKE 'mailbox%'
    ) AS x"""
    store = await PostgresMailboxes.open(postgres_dsn)
    assert await one_value(store, ours) > len(TABLES)
    await store.close()
    for step in reversed(range(len(POSTGRES))):
        pool = await postgres.open_pool(postgres_dsn, POSTGRES, target=step)
        left = await pool.fetchval(ours)
        await pool.close()
    assert left == 0
    store = await PostgresMailboxes.open(postgres_dsn)
    assert isinstance((await store.deliver([letter()]))[0], Delivered)
    await store.close()


async def test_flags_are_kept_alike_by_the_version_before(postgres_dsn):
    """CASES M4: migration 3 spares work and changes no answer, with keywords or without, and goes back to the very function."""
    body = "SELECT array_agg(prosrc ORDER BY proname) FROM pg_proc WHERE proname IN ('mailbox_deliver', 'mailbox_store')"
    await (await PostgresMailboxes.open(postgres_dsn)).close()
    answers = []
    for step, functions in ((3, (DELIVER, STORE)), (2, (FIRST_DELIVER, FIRST_STORE))):
        store = PostgresMailboxes(await postgres.open_pool(postgres_dsn, POSTGRES, target=step), "now()")
        assert await one_value(store, body) == [function.body for function in functions]
        name = f"a{step}"
        brought = [
            letter(name),
            letter(name, flags=frozenset({"\\Seen", "one"})),
            letter(name, flags=frozenset({"ONE"})),
        ]
        assert all(isinstance(place, Delivered) for place in await store.deliver(brought))
        view = await store.view(name, 1)
        answers.append(
            [
                (view.keywords, list(view.flags)),
                *[
                    await store.store(name, 1, [1, 2], how, frozenset(flags))
                    for how in How
                    for flags in ((), ("\\Seen",), ("one", "\\Deleted"), ("ONE", "two"))
                ],
            ]
        )
        await store.close()
    assert answers[0] == answers[1]


# ── plans ──

FILL = f"""
    INSERT INTO mailbox_letter SELECT 'big', md5('big' || n)::uuid, 10, '', 0, '', '', '', '', '', '' FROM generate_series(1, {MANY}) n;
    INSERT INTO mailbox_entry SELECT 'big', 1, n, md5('big' || n)::uuid, n, 0, 10, 0 FROM generate_series(1, {MANY}) n;
    INSERT INTO mailbox_delivered SELECT 'big', md5('d' || n)::uuid, 1, 1, n, n, 1e12 FROM generate_series(1, {MANY}) n;
    INSERT INTO mailbox_unindexed (account_id, letter_id, until)
        SELECT 'big', md5('big' || n)::uuid, 0 FROM generate_series(1, 20) n;
    INSERT INTO mailbox_words SELECT 'big', md5('big' || n)::uuid, array_to_tsvector(ARRAY['{mark("big")}b' || n])
        FROM generate_series(21, 5000) n;
    UPDATE mailbox SET uidnext = {MANY} + 1, modseq = {MANY}, messages = {MANY}, unseen = {MANY}, size = 10 * {MANY}
        WHERE account_id = 'big' AND id = 1;
    UPDATE mailbox_account SET modseq = {MANY}, messages = {MANY}, used = 10 * {MANY} WHERE account_id = 'big'"""
LOOKED_AT = """
    SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
        + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname LIKE 'mailbox%')"""


def everyday(store: PostgresMailboxes) -> dict[str, Callable[[], Awaitable[Any]]]:
    """What happens all the time, in a mailbox of 100,000."""
    again = letter("big")

    async def news() -> Any:
        state = await store.mailbox("big", 1)
        return await store.view("big", 1, since=state.modseq - 1)

    async def index() -> None:
        taken = await store.to_index(5, 0.0)
        await store.index([Indexed(account=x.account, letter_id=x.letter_id, header=frozenset("a"),
                                   body=frozenset("b")) for x in taken])  # fmt: skip

    return {
        "deliver": lambda: store.deliver([again, letter("a1"), letter("big", special_use="\\Junk")]),
        "deliver again": lambda: store.deliver([again]),
        "append": lambda: store.deliver([letter("big", quota=10**9, flags=frozenset({"kept"}))]),
        "select": lambda: store.select("big", 1),
        "store": lambda: store.store("big", 1, [500, 90_000], How.ADD, frozenset({"\\Seen", "word"})),
        "copy": lambda: store.copy("big", 1, [501], 2, move=False),
        "move": lambda: store.copy("big", 1, [502], 2, move=True),
        "expunge": lambda: store.expunge("big", 1, [503, 504], only_deleted=False),
        "expunge of nothing": lambda: store.expunge("big", 1, None),
        "page": lambda: store.view("big", 1, after=60_000, limit=20),
        "news": news,
        "rows": lambda: store.rows("big", 1, [1, 99_000], Want.BODY | Want.ENVELOPE),
        "columns": lambda: store.columns("big", 1, [1, 2, 3, 99_000], Want.ENVELOPE | Want.ROW),
        "find": lambda: store.find("big", again.letter_id),
        "modseqs": lambda: store.modseqs([("big", 1), ("a1", 1), ("a2", 1)]),
        "usage": lambda: store.usage(["big", "a1"]),
        "match": lambda: store.match("big", 1, [Word(text="777")]),
        "index": index,
        "objects": lambda: store.objects_known(["mailbox/none"]),
        "lease": lambda: store.lease("big", "pop3", "me", 60),
        "sweep": lambda: store.sweep(10),
    }


@pytest.mark.parametrize("analyzed", [False, True])
async def test_a_plan_made_for_empty_tables_is_good_for_full_ones(single, others, analyzed):
    """CASES H6: one connection, whose plans are from when there was nothing (with and without statistics), looks at few rows."""
    store = single
    for account in ("big", "a1", "a2"):
        await store.mailboxes(account)
    for call in [*everyday(store).values()] * 2:
        await call()
    other, _ = others
    await other.execute("DELETE FROM mailbox_entry; DELETE FROM mailbox_unindexed; DELETE FROM mailbox_loose")
    if analyzed:
        await other.execute("ANALYZE")
        await store.deliver([letter("a1")])
        for call in everyday(store).values():
            await call()
        await other.execute(
            "DELETE FROM mailbox_entry WHERE account_id = 'big'; DELETE FROM mailbox_unindexed"
        )
    await other.execute(FILL)
    await store.deliver([letter(f"account{n}") for n in range(1000)])
    seen = {}
    for name, call in everyday(store).items():
        await one_value(store, "SELECT pg_stat_force_next_flush()")
        before = await other.fetchval(LOOKED_AT)
        await call()
        await one_value(store, "SELECT pg_stat_force_next_flush()")
        seen[name] = int(await other.fetchval(LOOKED_AT) - before)
    assert {name: rows for name, rows in seen.items() if rows > 500} == {}


async def test_a_mailbox_of_a_hundred_thousand_is_changed_at_once(store):
    """CASES H6: flags of all, a copy of all, all expunged: each is one call of a few seconds, and the counters are exact."""
    await store.mailboxes("big")
    await store.pool.execute(FILL)
    uids = range(1, MANY + 1)
    async with asyncio.timeout(60):
        stored = await store.store("big", 1, uids, How.ADD, DELETED)
        assert len(stored.uids) == MANY
        copied = await store.copy("big", 1, uids, 2, move=True)
        assert list(copied.targets) == list(uids)
        assert (await store.mailbox("big", 2)).deleted == MANY
        assert len((await store.expunge("big", 2, None)).uids) == MANY
    usage = (await store.usage(["big"]))["big"]
    assert (usage.used, usage.messages) == (0, 0)
    assert len((await store.view("big", 1, since=MANY)).expunged) == MANY


# ── locks ──


async def test_writers_wait_for_the_account_before_they_lock_anything_else(store, others):
    """CASES H10: while somebody has the account's row, no writer holds a row of a mailbox; then all of them get through."""
    given = letter()
    await store.deliver([given, letter(), letter(), letter(KEN)])
    calls = [
        store.deliver([letter(), letter(KEN)]),
        store.deliver([letter(quota=10**6), letter(quota=10**6)]),
        store.select(MARI, 1),
        store.store(MARI, 1, [1], How.ADD, SEEN),
        store.copy(MARI, 1, [1], 2, move=False),
        store.copy(MARI, 1, [2], 2, move=True),
        store.expunge(MARI, 1, [3], only_deleted=False),
    ]
    holder, witness = others
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM mailbox_account WHERE account_id = $1 FOR UPDATE", MARI)
        tasks = [asyncio.create_task(call) for call in calls]
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(20):
            while await witness.fetchval(waiting) < len(calls):
                await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        async with witness.transaction():
            free = await witness.fetch("SELECT 1 FROM mailbox WHERE account_id = $1 FOR UPDATE NOWAIT", MARI)
            assert len(free) == 6
    await asyncio.gather(*tasks)
    await counted(store, MARI)


async def test_batches_over_the_same_accounts_in_any_order(stores):
    """Accounts are locked sorted, and born before anything is locked: no deadlock, not even one that is tried again."""
    names = [f"a{n}" for n in range(12)]

    async def write(n: int) -> None:
        turned = names[n % 12 :] + names[: n % 12]
        for some in (turned, turned[::-1]):
            answers = await stores[n % 3].deliver([letter(name) for name in some])
            assert all(isinstance(answer, Delivered) for answer in answers)

    await asyncio.gather(*(write(n) for n in range(12)))
    for name in names:
        views = await counted(stores[0], name)
        assert list(views[1].uids) == list(range(1, 25))
    assert await deadlocks(stores[0]) == 0


async def test_twenty_who_change_two_mailboxes_in_both_directions(stores):
    """CASES H10: three pods deliver, copy, move, expunge and store; pollers miss nothing; no UID comes twice; no deadlock."""
    letters = [letter(mailbox_id=1 + n % 2) for n in range(40)]
    await stores[0].deliver(letters)
    given: dict[int, list[int]] = {1: list(range(1, 21)), 2: list(range(1, 21))}
    going = True

    async def write(n: int) -> None:
        here, there = (1, 2) if n % 2 else (2, 1)
        one = stores[n % 3]
        for turn in range(4):
            (place, _) = await one.deliver([letter(mailbox_id=here), letter(KEN)])
            given[here].append(place.uid)
            some = range(1 + n % 7, 200, 5 + turn)
            await one.store(MARI, here, some, How.ADD if n % 3 else How.REMOVE, SEEN | {f"$k{n % 5}"})
            copied = await one.copy(MARI, here, list(some)[:3], there, move=bool(turn % 2))
            given[there] += copied.targets
            await one.expunge(MARI, there, [place.uid, 3 * n + turn], only_deleted=False)

    async def poll(mailbox_id: int) -> dict[int, int]:
        known: dict[int, int] = {}
        since, highest = 0, 0
        while True:
            last = not going
            news = await stores[mailbox_id].view(MARI, mailbox_id, since=since, limit=10_000)
            fresh = [uid for uid in news.uids if uid not in known]
            assert all(uid > highest for uid in fresh)
            highest = max([highest, *fresh])
            assert highest < news.state.uidnext
            known |= dict(zip(news.uids, news.flags, strict=True))
            known = {uid: bits for uid, bits in known.items() if uid not in (news.expunged or ())}
            since = news.state.modseq
            assert len(known) == news.state.messages
            if last:
                return known
            await asyncio.sleep(0)

    polling = [asyncio.create_task(poll(mailbox_id)) for mailbox_id in (1, 2)]
    async with asyncio.timeout(100):
        await asyncio.gather(*(write(n) for n in range(20)))
    going = False
    for mailbox_id, known in zip((1, 2), await asyncio.gather(*polling), strict=True):
        view = await whole(stores[0], MARI, mailbox_id)
        assert known == dict(zip(view.uids, view.flags, strict=True))
        assert sorted(given[mailbox_id]) == list(range(1, view.state.uidnext))
    await counted(stores[0], MARI)
    await counted(stores[0], KEN)
    assert await deadlocks(stores[0]) == 0


def test_letters_that_must_be_judged_one_after_the_other_are_in_rounds():
    """One with a quota or a keyword for an account at a time, no delivery id twice; the order is kept."""
    twice = letter()
    given = [
        *(letter(quota=5), letter(), letter(KEN, quota=5)),
        *(letter(flags=frozenset({"kw", "\\Seen"})), twice),
        *(twice, letter(quota=1), letter(KEN, flags=SEEN), letter(KEN)),
    ]
    assert rounds(given) == [given[:3], given[3:5], given[5:]]
    assert [len(some) for some in rounds([letter() for _ in range(64)])] == [64]
    assert rounds([]) == []


async def test_a_batch_that_needs_rounds_is_one_transaction(store, postgres_dsn):
    """What the second round cannot write, the first has not written either."""
    await store.mailboxes(MARI)
    first = letter(quota=100)
    await store.pool.execute(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '53300'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON mailbox_entry FOR EACH ROW WHEN (NEW.size = 77) EXECUTE FUNCTION refuse()"""
    )
    with pytest.raises(Unavailable):
        await store.deliver([first, letter(quota=100, size=77)])
    assert await store.find(MARI, first.letter_id) == ()
    assert (await store.usage([MARI]))[MARI].messages == 0


# ── a server that goes away ──


async def _until_it_works(call: Callable[[], Awaitable[Any]]) -> Any:
    """As a pod does: whatever is unavailable is said again."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(0.02)


async def test_a_server_that_dies_loses_nothing_and_doubles_nothing(postgres_server: Postgres):
    """CASES H10, A6: killed three times under deliveries and moves that are repeated: what was acknowledged is there once."""
    dsn = postgres_server.fresh()
    store = await PostgresMailboxes.open(dsn)
    sent: dict[Any, Delivered] = {}
    going = True

    async def write(n: int) -> None:
        while going:
            batch: list[NewLetter] = [letter(f"a{(n + k) % 4}") for k in range(3)]
            answers = await _until_it_works(lambda batch=batch: store.deliver(batch))
            sent.update({(x.account, x.letter_id): place for x, place in zip(batch, answers, strict=True)})

    async def move() -> None:
        while going:
            view = await _until_it_works(lambda: store.view("a1", 1, limit=20))
            await _until_it_works(lambda uids=view.uids: store.copy("a1", 1, uids, 2, move=True))

    async with asyncio.TaskGroup() as group:
        tasks = [*(group.create_task(write(n)) for n in range(6)), group.create_task(move())]
        for _ in range(3):
            goal = len(sent) + 30
            async with asyncio.timeout(60):
                while len(sent) < goal:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(postgres_server.kill)
            await asyncio.to_thread(postgres_server.start)
        going = False
    assert all(task.done() for task in tasks)
    for n in range(4):
        views = await counted(store, f"a{n}")
        assert sum(len(view.uids) for view in views.values()) == sum(
            account == f"a{n}" for account, _ in sent
        )
    for (account, letter_id), place in sent.items():
        places = await store.find(account, letter_id)
        assert len(places) == 1
        assert places == ((1, place.uid),) or (account, places[0][0]) == ("a1", 2)
    await nothing_left_over(store)
    await store.close()
    postgres_server.drop(dsn)


async def test_a_connection_that_goes_under_a_change_leaves_it_open(store, others):
    """A change whose connection went is CommitUnknown, what was only read is Unavailable; both work the next time."""
    await store.deliver([letter()])
    holder, killer = others
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with holder.transaction():
        await holder.execute("LOCK TABLE mailbox, mailbox_account IN ACCESS EXCLUSIVE MODE")
        given = letter()
        writer = asyncio.create_task(store.deliver([given]))
        reader = asyncio.create_task(store.mailbox(MARI, 1))
        async with asyncio.timeout(20):
            while not (writer.done() and reader.done()):
                await killer.fetch(end)
        with pytest.raises(CommitUnknown):
            await writer
        with pytest.raises(Unavailable) as caught:
            await reader
        assert not isinstance(caught.value, CommitUnknown)
    assert [place.uid for place in await store.deliver([given])] == [2]


async def test_a_standby_takes_no_letters(store, others, postgres_dsn):
    """After a failover to where nothing can be written: Unavailable, until the connections lead to the primary again."""
    await store.deliver([letter()])
    name = postgres_dsn.rpartition("/")[2]
    await store.pool.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await store.pool.expire_connections()
    for call in (
        store.deliver([letter()]),
        store.create(MARI, "Work"),
        store.expunge(MARI, 1, [1], only_deleted=False),
    ):
        with pytest.raises(Unavailable) as caught:
            await call
        assert not isinstance(caught.value, CommitUnknown)
    admin, _ = others
    await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    with contextlib.suppress(Unavailable):
        await store.deliver([letter()])
    assert isinstance((await store.deliver([letter()]))[0], Delivered)


# ── upkeep beside everything else ──


async def test_the_sweep_waits_for_nobody(store, others):
    """What others have locked is left for the next time."""
    gone = large()
    await store.deliver([gone, letter(KEN)])
    await store.expunge(MARI, 1, None, only_deleted=False)
    holder, _ = others
    for held in ("mailbox_account", "mailbox_letter"):
        async with holder.transaction():
            await holder.execute(f"SELECT 1 FROM {held} FOR UPDATE")
            async with asyncio.timeout(20):
                assert list(await store.sweep(10)) == []
    assert list(await store.sweep(10)) == [gone.object]


async def test_an_account_that_comes_again_while_it_is_swept(stores):
    """Forgotten, named again with the same letters, and swept, all at once: an entry has its letter, whoever was first."""
    given = [letter() for _ in range(5)]
    await stores[0].deliver(given)
    going = True

    async def sweep() -> None:
        while going:
            await stores[1].sweep(3)

    sweeping = asyncio.create_task(sweep())
    async with asyncio.timeout(60):
        for turn in range(15):
            await stores[0].forget(MARI)
            again = [replace(x, delivery_id=uuid7()) for x in given]
            answers = await asyncio.gather(
                stores[0].deliver(again[:3]), stores[2].deliver(again[3:]), stores[2].mailboxes(MARI)
            )
            assert all(isinstance(x, Delivered) for some in answers[:2] for x in some), turn
    going = False
    await sweeping
    await nothing_left_over(stores[0])
    for row in await stores[0].rows(MARI, 1, range(1, 10), Want.BODY):
        assert row.body == b"hello"
    assert await stores[0].backlog() == 5


async def test_letters_that_are_swept_while_they_are_indexed(stores):
    """No words stay behind of a letter that is gone, and none is missing of one that is there."""
    for _ in range(10):
        given = [letter() for _ in range(20)]
        places = await stores[0].deliver(given)
        await stores[0].expunge(MARI, 1, [place.uid for place in places[::2]], only_deleted=False)
        await asyncio.gather(
            stores[0].index([words(x, "head", "body") for x in given]),
            stores[1].sweep(100),
            stores[2].index([words(x, "head", "body") for x in reversed(given)]),
            stores[1].to_index(5, 60),
        )
        await nothing_left_over(stores[0])
    match = await stores[0].match(MARI, 1, [Word(text="body")])
    assert (len(match.uids), list(match.unknown)) == (100, [])
    assert await deadlocks(stores[0]) == 0


async def test_a_letter_of_more_words_than_fit(store):
    """CASES I7: it is never said to be indexed, nobody reads it again, and the others of its batch are; fewer words fit."""
    rich, other = letter(), letter()
    await store.deliver([rich, other])
    many = frozenset(f"{n:064}" for n in range(20_000))
    given = Indexed(account=MARI, letter_id=rich.letter_id, header=frozenset({"tea"}), body=many)
    await store.index([given, words(other, "tea")])
    match = await store.match(MARI, 1, [Word(text="tea")])
    assert (list(match.uids), list(match.unknown)) == ([2], [1])
    assert (await store.backlog(), list(await store.to_index(9, 0.0))) == (0, [])
    await store.index([words(rich, "tea")])
    match = await store.match(MARI, 1, [Word(text="tea")])
    assert (list(match.uids), list(match.unknown)) == ([1, 2], [])


@pytest.mark.parametrize("text", ["a b", "nul\0", "\ud800", "x" * 65, ""])
async def test_words_that_no_letter_can_have(store, text):
    """They are not found, and are no trouble."""
    given = letter()
    await store.deliver([given])
    await store.index([words(given, "a b", "x" * 64)])
    assert list((await store.match(MARI, 1, [Word(text=text)])).uids) == []


async def test_accounts_whose_words_have_the_same_mark(store, monkeypatch):
    """The mark is for speed; the rows say whose they are."""
    monkeypatch.setattr("yubin.mailboxes.postgres_words.mark", lambda _account: "same")
    mine, his = letter(), letter(KEN)
    await store.deliver([mine, his])
    await store.index([words(mine, "tea"), words(his, "tea")])
    assert list((await store.match(MARI, 1, [Word(text="tea")])).uids) == [1]
    await store.expunge(MARI, 1, None, only_deleted=False)
    assert list((await store.match(MARI, 1, [Word(text="tea")])).uids) == []
