"""Large letters in the object store, a folder or a real S3 server: brought by mx, read by piece, shared, swept, out of reach."""

from __future__ import annotations

import random
import time
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from services.mailbox.storage import Storage
from services.mailbox.upkeep import KEPT, ORPHAN_AGE, Upkeep
from tests.integration.delivery import until
from tests.integration.mailbox import House, bodies, letter, pieces
from tests.integration.mx import MxPod
from tests.servers.versitygw import Versitygw, s3
from yubin.errors import NotFound, Unavailable
from yubin.ids import uuid7
from yubin.mailboxes.deliveries import object_name
from yubin.mailboxes.port import ROW_LIMIT, Want
from yubin.mailboxes.sqlite import SqliteMailboxes
from yubin.objects.folder import FolderObjects
from yubin.objects.open import cloud, open_objects

SMALL = b"From: s@s.example\r\nTo: anna@a.example\r\nSubject: small\r\n\r\nhello\r\n"
LARGE = SMALL.replace(b"small", b"large") + b"".join(
    b"%d\r\n" % random.Random(1).getrandbits(500) for _ in range(9000)
)


@dataclass
class Shelf:
    """An object store that a test can take away: a folder that is renamed, or an S3 server that is killed."""

    folder: Path
    server: Versitygw | None

    @property
    def url(self) -> str:
        return self.server.url() if self.server else f"file://{self.folder}"

    def opened(self, clock=time.time):
        return cloud(self.url, clock=clock) if self.server else FolderObjects(self.folder, clock=clock)

    def take_away(self) -> None:
        if self.server:
            self.server.stop()
        else:
            self.folder.rename(self.folder.with_suffix(".away"))

    def bring_back(self) -> None:
        if self.server:
            self.server.start()
        else:
            self.folder.with_suffix(".away").rename(self.folder)

    async def names(self, prefix: str = "mailbox/") -> list[str]:
        objects = self.opened(lambda: time.time() + 10)
        try:
            return sorted([name async for name in objects.older_than(prefix, 0)])
        finally:
            await objects.close()


class Post:
    """Directory, mailbox and mx over one shelf. The pod's own sweep is far away; the test sweeps, by its own clock."""

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self.folder, self.shelf = folder, shelf
        settings = {"YUBIN_OBJECTS_URL": shelf.url}
        self.house = House(folder, YUBIN_SWEEP_EVERY="86400", YUBIN_ORPHANS_EVERY="604800", **settings)
        (folder / "mx").mkdir()
        self.mx = MxPod(
            folder / "mx", self.house.directory.certificates,
            YUBIN_DIRECTORY=f"127.0.0.1:{self.house.directory.port}",
            YUBIN_MAILBOX=f"127.0.0.1:{self.house.mailbox.port}",
            YUBIN_SENDER_DOMAIN_CHECK="false", **settings,
        )  # fmt: skip
        self.account = self.house.account

    async def sent(self, content: bytes, *to: str) -> int:
        """The code of the reply that ends a transaction."""
        async with self.mx.session() as talk:
            return (await self.mx.send(talk, content, *to)).code

    async def expunge(self, name: str) -> None:
        async with self.account(name) as account:
            assert (await account.expunge(1, [1], only_deleted=False)).uids == [1]

    @asynccontextmanager
    async def upkeep(self):
        """As the pod does it; ``clock[0]`` is its monotonic clock, and 0 at first."""
        mailboxes = await SqliteMailboxes.open(self.folder / "mailboxes.db")
        objects, clock = await open_objects(self.shelf.url), [0.0]
        try:
            yield Upkeep(Storage(mailboxes, objects), lambda: None, clock=lambda: clock[0]), clock
        finally:
            await mailboxes.close()
            await objects.close()


@pytest.fixture(params=["folder", *s3()])
def shelf(request, tmp_path):
    """Each test with both, where versitygw could be built."""
    server = request.getfixturevalue("versitygw") if request.param == "s3" else None
    return Shelf(tmp_path / "objects", server)


@pytest_asyncio.fixture
async def post(tmp_path, shelf):
    made = Post(tmp_path, shelf)
    try:
        await made.house.open()
        made.mx.start()
        yield made
    finally:
        made.mx.kill()
        made.house.close()


async def test_a_large_letter_is_shared_and_read_by_piece(post):
    """Two recipients, one object; each piece of it is what was sent, from any offset, of any length, and none behind it."""
    assert len(LARGE) > 10 * ROW_LIMIT
    assert await post.sent(LARGE, "anna@a.example", "bob@a.example") == 250
    assert len(await post.shelf.names()) == 1
    for name in ("anna", "bob"):
        async with post.account(name) as account:
            whole = (await bodies(account))[1]
            assert whole.endswith(LARGE)
            (row,) = [row async for row in account.rows(1, [1], Want.ENVELOPE)]
            assert (row.size, b'"large"' in row.envelope) == (len(whole), True)
            chance = random.Random(2)
            for _ in range(8):
                offset, length = chance.randrange(len(whole)), chance.randrange(1, 700_000)
                found = [piece async for piece in account.body(1, 1, offset=offset, length=length)]
                assert b"".join(found) == whole[offset : offset + length]
            assert b"".join([piece async for piece in account.body(1, 1)]) == whole
            assert [piece async for piece in account.body(1, 1, offset=len(whole))] == []


async def test_small_letters_need_no_object(post):
    """Up to 64 KiB lie in the row: the store is not asked."""
    assert await post.sent(SMALL) == 250
    assert await post.shelf.names() == []


async def test_a_reader_brings_a_large_letter(post):
    """Appended by a client, copied, the first expunged: the copy has the same bytes, the object is there once."""
    async with post.account() as account:
        place = await account.append(6, pieces(LARGE[:100_000], LARGE[100_000:]), len(LARGE))
        await account.copy(6, [place.uid], 5, move=False)
        await account.expunge(6, [place.uid], only_deleted=False)
        assert await bodies(account, 5) == {1: LARGE}
    async with post.upkeep() as (upkeep, clock):
        await upkeep.sweep()
        clock[0] = KEPT + 1
        await upkeep.sweep()
    assert len(await post.shelf.names()) == 1


async def test_the_sweep_takes_what_nobody_has(post):
    """While one of two accounts has the letter its bytes stay; an hour after the last one expunged it they are gone."""
    assert await post.sent(LARGE, "anna@a.example", "bob@a.example") == 250
    async with post.upkeep() as (upkeep, clock):
        await post.expunge("anna")
        await upkeep.sweep()
        clock[0] = KEPT + 1
        await upkeep.sweep()
        async with post.account("bob") as account:
            assert (await bodies(account))[1].endswith(LARGE)
        await post.expunge("bob")
        await upkeep.sweep()
        assert len(await post.shelf.names()) == 1
        clock[0] += KEPT + 1
        await upkeep.sweep()
        assert await post.shelf.names() == []


async def test_a_letter_that_comes_once_more_keeps_its_bytes(post):
    """Expunged by one, its object doomed; then the other recipient's copy arrives late: the sweep looks again, and leaves it."""
    made = letter(LARGE, post.house.ids["anna"], post.house.ids["bob"])
    first, second = ([copy] for copy in made.copies)
    name = object_name(made.letter_id)
    objects = post.shelf.opened()
    await objects.put(name, LARGE)
    late = [
        letter(LARGE, letter_id=made.letter_id, body=None, object=name, copies=tuple(c))
        for c in (first, second)
    ]
    async with post.house.mailbox.deliveries() as deliveries, post.upkeep() as (upkeep, clock):
        await deliveries.deliver(late[0])
        await post.expunge("anna")
        await upkeep.sweep()
        await deliveries.deliver(late[1])
        clock[0] = KEPT + 1
        await upkeep.sweep()
    async with post.account("bob") as account:
        assert await bodies(account) == {1: LARGE}
    await objects.close()


async def test_orphans_go_after_a_day(post):
    """What lies under mailbox/ and belongs to no letter goes after 24 h, and nothing else does."""
    assert await post.sent(LARGE) == 250
    (kept,) = await post.shelf.names()
    orphan, queued = object_name(uuid7()), str(uuid7())
    mailboxes = await SqliteMailboxes.open(post.folder / "mailboxes.db")
    objects = post.shelf.opened(lambda: now[0])
    now = [time.time()]
    for name in (orphan, queued):
        await objects.put(name, LARGE)
    upkeep = Upkeep(Storage(mailboxes, objects), lambda: None)
    now[0] = time.time() + ORPHAN_AGE - 600
    await upkeep.orphans()
    assert await post.shelf.names() == sorted([kept, orphan])
    now[0] = time.time() + ORPHAN_AGE + 600
    await upkeep.orphans()
    assert await post.shelf.names() == [kept]
    assert await objects.get(queued) == LARGE
    with pytest.raises(NotFound):
        await objects.get(orphan)
    await mailboxes.close()
    await objects.close()


@pytest.mark.timeout(180)
async def test_the_store_is_away_and_comes_back(post):
    """451 for what needs the store, 250 for what does not; nothing is half there, and all pods live on."""
    assert await post.sent(LARGE) == 250
    post.shelf.take_away()
    assert await post.sent(LARGE) == 451
    assert await post.sent(SMALL) == 250
    async with post.account() as account:
        with pytest.raises(Unavailable):
            async with aclosing(account.body(1, 1)) as body:
                await anext(body)
        assert (await bodies_of(account, 2)).endswith(SMALL)
        assert len([row async for row in account.rows(1, [1, 2], Want.ENVELOPE)]) == 2
        with pytest.raises(Unavailable):
            await account.append(1, pieces(LARGE), len(LARGE))
    await until(lambda: post.house.mailbox.metric("yubin_ready") == 0, 60)
    post.shelf.bring_back()
    await until(lambda: post.house.mailbox.metric("yubin_ready") == 1, 60)
    assert await post.sent(LARGE) == 250
    async with post.account() as account:
        found = await bodies(account)
    assert [len(found), found[2].endswith(SMALL)] == [3, True]
    assert found[1].endswith(LARGE)
    assert found[3].endswith(LARGE)
    assert post.mx.rows() == []


async def bodies_of(account, uid: int) -> bytes:
    return b"".join([piece async for piece in account.body(1, uid)])
