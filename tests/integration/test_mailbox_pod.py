"""The mailbox pod as its own process beside a directory, over SQLite and PostgreSQL: what it says is there, is there."""

import asyncio
import base64
import os
import re
import time
from dataclasses import replace
from hashlib import sha256

import pytest

from tests.integration.mailbox import bodies, house, letter, pieces
from tests.waiting import until
from yubin.errors import Unauthenticated, Unavailable
from yubin.mailboxes.account import PIECE
from yubin.mailboxes.deliveries import object_name
from yubin.mailboxes.port import Delivered, How, Word
from yubin.mailboxes.remote import Terms
from yubin.objects.folder import FolderObjects

TEXT = b"From: a@b.test\r\nSubject: Kilimanjaro\r\n\r\nwhat nobody may read in a log\r\n"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_dsn")


async def persist(deliveries, one, seconds=60):
    """As mx and delivery do: what is not known to have arrived is said again, under the same ids."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                answers = await deliveries.deliver(one)
                if all(isinstance(answer, Delivered) for answer in answers):
                    return answers
            except Unavailable:
                pass
            await asyncio.sleep(0.1)


async def test_from_delivery_to_reading(tmp_path, url):
    """Small and large letters for two accounts come out byte for byte, once each, and are found by their words."""
    async with house(tmp_path, url) as h, h.mailbox.deliveries() as deliveries:
        anna, bob = h.ids["anna"], h.ids["bob"]
        small = letter(TEXT, anna, bob)
        large = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * 60_000
        two = letter(large, anna)
        two = replace(two, body=None, object=object_name(two.letter_id))
        await FolderObjects(tmp_path / "objects").put(two.object, large)
        answers = [*await deliveries.deliver(small), *await deliveries.deliver(two)]
        again = [*await deliveries.deliver(small), *await deliveries.deliver(two)]
        assert again == [replace(answer, fresh=False) for answer in answers]
        async with h.account("anna") as mine, h.account("bob") as other:
            assert list((await bodies(mine)).values()) == [TEXT, large]
            assert list((await bodies(other)).values()) == [TEXT]
            appended = await mine.append(3, pieces(large[:99], large[99:]), len(large))
            assert await bodies(mine, 3) == {appended.uid: large}
            async with asyncio.timeout(20):
                while not (found := await mine.match(1, [Word(text="kilimanjaro")])).uids or found.unknown:
                    await asyncio.sleep(0.05)
            assert list(found.uids) == [1]
            assert (await deliveries.usage([anna]))[anna].messages == 3
        async with asyncio.timeout(20):
            while h.mailbox.metric("yubin_mailbox_index_backlog") or not h.mailbox.metric(
                "yubin_mailbox_indexed_letters_total"
            ):
                await asyncio.sleep(0.05)
        assert h.mailbox.metric('yubin_mailbox_letters_total{outcome="stored"}') == 3
        assert h.mailbox.metric('yubin_mailbox_letters_total{outcome="repeated"}') == 3


async def test_fifty_megabytes(tmp_path):
    """CASES L3: a letter of 50 MiB goes in and comes out over gRPC, byte for byte, in pieces below the message limit."""
    raw = b"Subject: giant\r\n\r\n" + os.urandom(1024).hex().encode() * 25_600
    async with house(tmp_path) as h, h.account() as account:
        cut = (raw[at : at + 300_000] for at in range(0, len(raw), 300_000))
        place = await account.append(1, pieces(*cut), len(raw))
        digest, most = sha256(), 0
        async for piece in account.body(1, place.uid):
            digest.update(piece)
            most = max(most, len(piece))
        assert digest.digest() == sha256(raw).digest()
        assert most <= PIECE
        assert (await bodies(account)) == {place.uid: raw}
        tail = b"".join([piece async for piece in account.body(1, place.uid, offset=len(raw) - 10)])
        assert tail == raw[-10:]


@pytest.mark.parametrize("rounds", [3])
async def test_killed_in_the_middle_of_deliveries(tmp_path, url, rounds):
    """CASES B1, H10: 40 at a time while the pod is killed again and again: each letter lies there exactly once."""
    async with house(tmp_path, url) as h, h.mailbox.deliveries(terms=Terms(deadline=5.0)) as deliveries:
        anna, bob = h.ids["anna"], h.ids["bob"]
        letters = [letter(f"Subject: {n}\r\n\r\n{n}\r\n", anna, bob) for n in range(400)]
        answers, queue = {}, list(range(400))

        async def bring():
            while queue:
                n = queue.pop()
                answers[n] = await persist(deliveries, letters[n])

        work = asyncio.gather(*(bring() for _ in range(40)))
        for round_ in range(rounds):
            async with asyncio.timeout(60):
                while len(answers) < 80 * (round_ + 1) and not work.done():
                    await asyncio.sleep(0.005)
            h.mailbox.kill()
            await asyncio.to_thread(h.mailbox.start)
        await work
        for name, at in (("anna", 0), ("bob", 1)):
            async with h.account(name) as account:
                kept = await bodies(account)
            assert sorted(kept.values()) == sorted(one.body for one in letters)
            assert all(kept[answers[n][at].uid] == letters[n].body for n in answers)


async def test_killed_between_parsing_and_commit(tmp_path):
    """CASES A1: the crash point before the commit: nothing was said, nothing is there; said again it is there once."""
    async with (
        house(tmp_path, YUBIN_FAULT="mailbox.before_commit:2") as h,
        h.mailbox.deliveries() as deliveries,
    ):
        first, second = letter(b"1", h.ids["anna"]), letter(b"2", h.ids["anna"])
        await deliveries.deliver(first)
        with pytest.raises(Unavailable):
            await deliveries.deliver(second)
        assert h.mailbox.process.wait(10) == -9
        del h.mailbox.environment["YUBIN_FAULT"]
        await asyncio.to_thread(h.mailbox.start)
        async with h.account() as account:
            assert list((await bodies(account)).values()) == [b"1"]
            await persist(deliveries, second)
            assert list((await bodies(account)).values()) == [b"1", b"2"]


async def test_stopping_is_quick_and_loses_nothing(tmp_path):
    """DESIGN I6: SIGTERM under load ends with 0, soon, with streams open; what was answered is there after a restart."""
    async with house(tmp_path) as h, h.mailbox.deliveries() as deliveries:
        letters = [letter(f"{n}".encode(), h.ids["anna"]) for n in range(200)]
        tasks = [asyncio.create_task(persist(deliveries, one)) for one in letters]
        while sum(task.done() for task in tasks) < 20:
            await asyncio.sleep(0.005)
        began = time.monotonic()
        assert await asyncio.to_thread(h.mailbox.stop) == 0
        assert time.monotonic() - began < 5
        await asyncio.to_thread(h.mailbox.start)
        places = await asyncio.gather(*tasks)
        async with h.account() as account:
            kept = await bodies(account)
        assert {kept[place.uid] for (place,) in places} == {one.body for one in letters}
        assert len(kept) == 200


async def test_uids_and_flags_survive_a_restart(tmp_path, url):
    """CASES H13: what a reader knew before the pod was killed still holds."""
    async with house(tmp_path, url) as h, h.mailbox.deliveries() as deliveries:
        for n in range(3):
            await persist(deliveries, letter(f"{n}".encode(), h.ids["anna"]))
        async with h.account() as account:
            await account.store(1, [2], How.ADD, frozenset({"\\Seen"}))
            await account.expunge(1, [3], only_deleted=False)
            before = [page async for page in account.view(1)]
            h.mailbox.kill()
            await asyncio.to_thread(h.mailbox.start)
            await _when_there(account)
            assert [page async for page in account.view(1)] == before
            place = await account.append(1, pieces(b"x"), 1)
            assert place.uid == 4


async def _when_there(account):
    async with asyncio.timeout(20):
        while True:
            try:
                return await account.usage()
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_sessions_of_a_real_directory(tmp_path):
    """CASES L7: while the directory is away the keys that are here go on; a new key is taken up, without a restart."""
    async with house(tmp_path) as h:
        async with h.account("anna") as account:
            assert (await account.usage()).messages == 0
            h.directory.stop()
            assert (await account.usage()).messages == 0
        h.directory.environment["YUBIN_DKIM_SEAL_KEY"] = base64.b64encode(bytes(32)).decode()
        h.directory.start()
        async with h.account("anna") as account:
            async with asyncio.timeout(30):
                while True:
                    try:
                        await account.usage()
                        break
                    except Unauthenticated:
                        await asyncio.sleep(0.5)


async def test_no_token_and_no_body_in_the_log(tmp_path):
    """CASES L8: at the level of debugging, with letters delivered, read, and refused."""
    async with house(tmp_path) as h, h.mailbox.deliveries() as deliveries:
        await deliveries.deliver(letter(TEXT, h.ids["anna"]))
        token = await h.session()
        async with h.account() as account:
            await bodies(account)
            await account.append(1, pieces(TEXT), len(TEXT))
        h.mailbox.stop()
        said = h.mailbox.log
        assert '"action":"ready"' in said
        for secret in (token, token.split(".")[2], "nobody may read", "Kilimanjaro"):
            assert secret not in said
        assert not re.search(r"eyJ[A-Za-z0-9_-]{10}", said)


async def test_a_letters_trace_goes_on_here(tmp_path, otlp):
    """The span of a delivery belongs to the trace that mx began, whatever stream it came by."""
    async with house(tmp_path, YUBIN_OTLP_ENDPOINT=otlp.endpoint, YUBIN_TRACE_RATIO="0") as h:
        async with h.mailbox.deliveries() as deliveries:
            origin = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
            await deliveries.deliver(letter(TEXT, h.ids["anna"], traceparent=origin))
            await deliveries.deliver(letter(TEXT, h.ids["anna"]))
        wanted = "mailbox.deliver"
        spans = await asyncio.to_thread(otlp.wait_for, lambda seen: any(s.name == wanted for s in seen))
        found = [s for s in spans if s.name == wanted]
        assert [(s.trace_id, s.parent_id) for s in found] == [("ab" * 16, "cd" * 8)]


async def test_it_is_ready_only_with_its_object_store(tmp_path):
    """A pod that could not read large letters says so, and is ready again when it can."""
    async with house(tmp_path) as h:
        (tmp_path / "objects").rename(tmp_path / "elsewhere")
        await until(lambda: h.mailbox.metric("yubin_ready") == 0, 30)
        (tmp_path / "elsewhere").rename(tmp_path / "objects")
        await until(lambda: h.mailbox.metric("yubin_ready") == 1, 30)
