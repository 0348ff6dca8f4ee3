"""CASES H10, H11: storage fails under IMAP sessions: SIGKILL of mailbox, and of PostgreSQL with all its processes.

The gateway lives, so that no session may end: who idles hears afterwards, who is in the middle of a command gets its
answer. `make imaptest ARGS="--kill --postgresql --waiting 20"` does it for longer, and kills the gateway too.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.e2e import town as towns
from tests.e2e.conftest import QUICK
from tests.e2e.town import Town
from tests.imap_client import Client, Literal, Refused, Response
from tests.imap_client.client import Answer, Listener
from tests.imaptest.game import ROOM, Killing, killer, play
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.alone

SOON = 2.0  # seconds
AWAY = 0.5  # for which PostgreSQL is dead
PATIENCE = 25.0  # until storage is back: a pod that finds no database ends, and is started again
LETTERS, SIZE = 200, 40_000


@dataclass(frozen=True)
class House:
    town: Town
    postgres: Postgres

    @asynccontextmanager
    async def client(
        self, name: str, enable: str = "", listener: Listener | None = None
    ) -> AsyncIterator[Client]:
        """In INBOX."""
        context = ssl.create_default_context(cafile=self.town.ca)
        client = await Client.connect("localhost", self.town.ports["imaps"], context, listener=listener)
        try:
            await client.login(f"{name}@demo.example", self.town.password(name))
            if enable:
                await client.command(f"ENABLE {enable}")
            await client.command("SELECT INBOX")
            yield client
        finally:
            client.close()

    def fail(self) -> None:
        """Both at once, as a machine does that held them."""
        self.town.kill("mailbox")
        self.postgres.crash()

    def recover(self) -> None:
        time.sleep(AWAY)
        self.postgres.start()


@pytest.fixture(scope="module")
def house(tmp_path_factory, postgres_server) -> Iterator[House]:
    dsn = postgres_server.fresh()
    settings = f'mailboxes_url = "{dsn}"\n' + QUICK + ROOM
    try:
        with towns.town(tmp_path_factory.mktemp("failover") / "state", settings) as town:
            yield House(town, postgres_server)
    finally:
        postgres_server.drop(dsn)


@pytest.mark.timeout(240)
async def test_nobody_is_logged_out_when_storage_dies(house):
    """CASES H10, H11: ten clients that work and six that idle: no session ends, no UID comes twice, HIGHESTMODSEQ and
    UIDNEXT never fall, MOVE loses nothing, and what the idling ones heard is what is there.
    """
    town = house.town
    score = await play(
        "localhost", town.ports["imaps"], ssl.create_default_context(cafile=town.ca),
        "alice@demo.example", town.password(), clients=16, waiting=6, seconds=8.0, pause=0.01,
        killing=Killing(kill=killer(town.kill, house.postgres, AWAY), victims=("postgresql", "mailbox"), every=2.0),
    )  # fmt: skip
    print(score.line())
    assert score.wrong == [], "\n".join(score.wrong)
    assert {"mailbox", "postgresql"} <= set(score.kills)
    assert score.did["lost connections"] == 0
    assert score.did["heard while waiting"] > 100


@pytest.mark.timeout(120)
async def test_an_idling_client_hears_when_storage_is_back(house):
    """CASES H11: sessions idle on while everything behind the gateway is dead, and hear of what is done afterwards within
    two seconds: APPEND, flags, EXPUNGE; a new UID is a new one, HIGHESTMODSEQ is greater than it was.
    """
    name = "idle"
    house.town.account(name)
    async with AsyncExitStack() as stack:
        doing = await stack.enter_async_context(house.client(name))
        waiting = [await stack.enter_async_context(house.client(name, how)) for how in ("", "QRESYNC")]
        for number in range(3):
            await append(doing, number)
        before = await state(doing)
        for client in waiting:
            await stack.enter_async_context(client.idle())
            await client.until(lambda one: one.name == "EXISTS" and one.number == 3)
        house.fail()
        back = asyncio.create_task(asyncio.to_thread(house.recover))
        uid = int((await patiently(lambda: append(doing, 4))).code("APPENDUID")[1])
        await heard(waiting, lambda one: one.name == "EXISTS" and one.number == 4)
        await back
        await doing.command("STORE 2 +FLAGS (\\Deleted)")
        await heard(waiting, lambda one: one.name == "FETCH" and b"\\Deleted" in one.fetched()["FLAGS"])
        await doing.command("EXPUNGE")
        await heard(waiting, lambda one: one.name in {"EXPUNGE", "VANISHED"})
        after = await state(doing)
        assert uid == before[b"UIDNEXT"]
        assert after[b"UIDNEXT"] == uid + 1
        assert after[b"HIGHESTMODSEQ"] > before[b"HIGHESTMODSEQ"]


@pytest.mark.timeout(120)
async def test_a_fetch_goes_on_where_storage_died(house):
    """CASES H11: eight megabytes are under way when mailbox and PostgreSQL die: each letter comes once, whole, in order."""
    name = "reader"
    house.town.account(name)
    died: list[str] = []

    def listener(_one: Response, command: str) -> None:
        """At the first response, before the next one is read."""
        if command == "UID FETCH" and not died:
            died.append(command)
            house.fail()

    async with house.client(name, listener=listener) as client:
        await append(client, *range(LETTERS), size=SIZE)
        reading = asyncio.create_task(client.command("UID FETCH 1:* (UID BODY.PEEK[])"))
        while not died and not reading.done():
            await asyncio.sleep(0.01)
        await asyncio.sleep(AWAY)
        assert not reading.done()  # the rest was not there yet
        await asyncio.to_thread(house.postgres.start)
        answer = await reading
        found = [one.fetched() for one in answer.of("FETCH")]
        assert [one["UID"] for one in found] == list(range(1, LETTERS + 1))
        assert [one["BODY[]"] for one in found] == [letter(n, SIZE) for n in range(LETTERS)]


def letter(number: int, size: int) -> bytes:
    return b"Subject: letter %d\r\n\r\n" % number + (b"%d " % number * size)[:size] + b"\r\n"


async def append(client: Client, *numbers: int, size: int = 10) -> Answer:
    """All together (RFC 3502)."""
    parts = [part for n in numbers for part in (b" ", Literal(letter(n, size)))]
    return await client.command("APPEND INBOX", *parts)


async def state(client: Client) -> dict[bytes, int]:
    (said,) = (await client.command("STATUS INBOX (UIDNEXT HIGHESTMODSEQ)")).of("STATUS")
    return dict(zip(said.values[1][::2], said.values[1][1::2], strict=True))


async def patiently(call) -> Answer:
    """Until it is no longer refused for a while (NO [UNAVAILABLE]); the session is the same one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(Refused):
                return await call()
            await asyncio.sleep(0.05)


async def heard(clients: list[Client], wanted) -> None:
    """By all of them, soon after it was done."""
    began = time.monotonic()
    for client in clients:
        await client.until(wanted)
    took = time.monotonic() - began
    assert took < SOON, f"it took {took:.2f} s"
