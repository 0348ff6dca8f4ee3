"""Every store of mailboxes under one roof: a world with a clock that tests move, letters to put into it, and a watchman.

``World.store`` is watched: after every call that changes something, all counters of the account are counted again, and
all that changed since the call before must be what a poller who follows MODSEQ is told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from yubin.ids import uuid7
from yubin.mailboxes import flags
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import (
    INBOX,
    Delivered,
    Indexed,
    Mailbox,
    Mailboxes,
    NewLetter,
    Parsed,
    Usage,
    View,
)

START = 1_800_000_000.0
DAY = 86400.0
SHIFTED_NOW = "(SELECT to_timestamp(at) FROM test_clock)"
KINDS = ("memory", "sqlite", "postgres")
PARSED = Parsed(envelope=b"(envelope)", structure=b"\x00structure", summary=b"\xffsummary", thread="t1")
TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
MARI, KEN = "mari", "ken"


@dataclass
class World:
    """``store`` by a clock that stands still until ``sleep``. ``another`` opens the same database a second time."""

    kind: str
    store: Any
    plain: Mailboxes
    now: float
    another: Callable[[], Any]
    tick: Callable[[float], Any]
    opened: list[Mailboxes] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await self.tick(self.now)


@pytest.fixture(params=KINDS)
async def mailboxes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with make_mailboxes(request, request.param, tmp_path) as made:
        yield made


@asynccontextmanager
async def make_mailboxes(request: pytest.FixtureRequest, kind: str, folder: Path) -> AsyncIterator[World]:
    adapters = {"memory": _memory, "sqlite": _sqlite, "postgres": _postgres}
    where = request.getfixturevalue("postgres_dsn") if kind == "postgres" else str(folder / "mailboxes.db")
    world = await adapters[kind](where)
    try:
        yield world
    finally:
        for store in [*world.opened, world.plain]:
            await store.close()


async def _memory(_: str) -> World:
    return await _by_hand("memory", MemoryMailboxes)


async def _sqlite(path: str) -> World:
    from yubin.mailboxes.sqlite import SqliteMailboxes

    return await _by_hand("sqlite", lambda clock: SqliteMailboxes.open(path, clock=clock))


async def _by_hand(kind: str, make: Callable[..., Any]) -> World:
    """A store whose clock is an argument."""
    time = {"now": START}

    async def tick(now: float) -> None:
        time["now"] = now

    async def opened() -> Mailboxes:
        made = make(clock=lambda: time["now"])
        return made if kind == "memory" else await made

    async def another() -> Mailboxes:
        if kind == "memory":
            return plain
        world.opened.append(await opened())
        return world.opened[-1]

    plain = await opened()
    world = World(kind=kind, store=Watched(plain), plain=plain, now=START, another=another, tick=tick)
    return world


async def _postgres(dsn: str) -> World:
    from yubin.mailboxes.postgres import PostgresMailboxes

    async def another() -> Mailboxes:
        world.opened.append(await PostgresMailboxes.open(dsn, now=SHIFTED_NOW))
        return world.opened[-1]

    async def tick(now: float) -> None:
        await plain.pool.execute("UPDATE test_clock SET at = $1", now)

    plain = await PostgresMailboxes.open(dsn, now=SHIFTED_NOW)
    await plain.pool.execute("CREATE TABLE IF NOT EXISTS test_clock (at double precision)")
    await plain.pool.execute("INSERT INTO test_clock VALUES ($1)", START)
    world = World(kind="postgres", store=Watched(plain), plain=plain, now=START, another=another, tick=tick)
    return world


# ── the watchman ──

CHANGES = (
    "deliver",
    "create",
    "rename",
    "delete",
    "select",
    "store",
    "copy",
    "expunge",
    "sweep",
    "subscribe",
)


class Watched:
    """The store; each call that changes something is followed by a look at the accounts that it named."""

    def __init__(self, store: Mailboxes) -> None:
        self._store = store
        self._last: dict[str, dict[int, View]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in CHANGES:
            return method

        async def watched(*args: Any, **more: Any) -> Any:
            try:
                return await method(*args, **more)
            finally:
                for account in _accounts(name, args, self._last):
                    await self.look(account)

        return watched

    async def forget(self, account: str) -> None:
        """Who comes again is another."""
        await self._store.forget(account)
        self._last.pop(account, None)

    async def look(self, account: str) -> None:
        before = self._last.get(account, {})
        self._last[account] = now = await counted(self._store, account)
        for id_, view in now.items():
            if id_ in before:
                await _followed(self._store, account, before[id_], view)


def _accounts(name: str, args: tuple[Any, ...], known: Iterable[str]) -> list[str]:
    if name == "deliver":
        return sorted({letter.account for letter in args[0]})
    return list(known) if name == "sweep" else [args[0]]


async def counted(store: Mailboxes, account: str) -> dict[int, View]:
    """All mailboxes of an account; raises AssertionError when a counter is not what counting gives."""
    states = await store.mailboxes(account)
    views = {state.id: await whole(store, account, state.id) for state in states}
    for state in states:
        view = views[state.id]
        assert view.state == state
        uids = list(view.uids)
        assert uids == sorted(set(uids))
        assert all(0 < uid < state.uidnext for uid in uids)
        assert (state.messages, state.size) == (len(uids), sum(view.sizes))
        assert state.unseen == sum(not bits & flags.SEEN for bits in view.flags)
        assert state.deleted == sum(bool(bits & flags.DELETED) for bits in view.flags)
        assert max([0, *view.modseqs]) <= state.modseq
        assert all(bits < 1 << 5 + len(view.keywords) for bits in view.flags)
        assert 1 <= state.first_recent <= state.uidnext
    usage = Usage(
        used=sum(s.size for s in states), messages=sum(s.messages for s in states), mailboxes=len(states)
    )
    assert (await store.usage([account]))[account] == usage
    told = await store.modseqs([(account, state.id) for state in states])
    assert dict(told) == {(account, state.id): (state.modseq, state.uidnext) for state in states}
    assert [state.name for state in states] == sorted(state.name for state in states)
    return views


async def whole(store: Mailboxes, account: str, mailbox_id: int) -> View:
    """A mailbox on one page."""
    view = await store.view(account, mailbox_id, limit=1_000_000)
    assert not view.more
    assert tuple(view.expunged or ()) == ()
    return replace(view, uids=[*view.uids], flags=[*view.flags], modseqs=[*view.modseqs], sizes=[*view.sizes])


async def _followed(store: Mailboxes, account: str, old: View, new: View) -> None:
    """RFC 7162 3.1: who knew ``old`` and asks for what came after its MODSEQ is told all that is different in ``new``."""
    assert (old.state.uidvalidity, old.state.id) == (new.state.uidvalidity, new.state.id)
    assert old.state.uidnext <= new.state.uidnext
    assert old.state.modseq <= new.state.modseq
    assert new.keywords[: len(old.keywords)] == old.keywords
    news = await store.view(account, new.state.id, since=old.state.modseq, limit=1_000_000)
    before = dict(zip(old.uids, old.flags, strict=True))
    after = dict(zip(new.uids, new.flags, strict=True))
    assert all(uid >= old.state.uidnext for uid in after.keys() - before.keys())
    assert all(new.modseqs[list(new.uids).index(uid)] > old.state.modseq for uid in news.uids)
    different = {uid for uid in after if before.get(uid) != after[uid]}
    assert different <= set(news.uids)
    if news.expunged is not None:
        assert before.keys() - after.keys() <= set(news.expunged)
        assert not set(news.expunged) & after.keys()
    else:
        assert old.state.modseq < new.state.expunged_floor
    if before != after:
        assert new.state.modseq > old.state.modseq


# ── letters ──


def letter(account: str = MARI, body: bytes | None = b"hello", **changes: Any) -> NewLetter:
    base = NewLetter(
        account=account, delivery_id=uuid7(), letter_id=uuid7(), body=body, size=len(body or b"") or 5,
        sha256=b"\x01" * 32, traceparent=TRACE, parsed=PARSED,
    )  # fmt: skip
    return replace(base, **changes)


def large(account: str = MARI, letter_id: UUID | None = None, size: int = 100_000) -> NewLetter:
    """A letter that lies in the object store."""
    id_ = letter_id or uuid7()
    return letter(account, None, letter_id=id_, object=f"mailbox/{id_}", size=size)


def words(of: NewLetter, header: str = "", body: str = "") -> Indexed:
    return Indexed(
        account=of.account,
        letter_id=of.letter_id,
        header=frozenset(header.split()),
        body=frozenset(body.split()),
    )


async def put(world: World, *letters: NewLetter) -> list[Delivered]:
    """Delivered, all of them, as one batch."""
    places = list(await world.store.deliver(letters))
    assert all(isinstance(place, Delivered) for place in places), places
    return places


async def filled(world: World, count: int, account: str = MARI, **changes: Any) -> Mailbox:
    """The account's INBOX with so many letters; UIDs from 1."""
    await put(world, *(letter(account, b"%d" % n, **changes) for n in range(count)))
    return await named(world, INBOX, account)


async def named(world: World, name: str, account: str = MARI) -> Mailbox:
    return next(state for state in await world.store.mailboxes(account) if state.name == name)


async def flags_of(world: World, mailbox_id: int, account: str = MARI) -> dict[int, frozenset[str]]:
    """Flags by name, of each UID."""
    view = await whole(world.store, account, mailbox_id)
    return {uid: flags.names(bits, view.keywords) for uid, bits in zip(view.uids, view.flags, strict=True)}
