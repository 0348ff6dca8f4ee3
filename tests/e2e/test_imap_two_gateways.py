"""Issue 4: two connections on one mailbox, on two gateway processes: what one does the other hears of within two seconds."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.second_gateway import second_gateway
from tests.e2e.town import Town
from tests.imap_client import Client, Literal, Response

pytestmark = pytest.mark.alone

SOON = 2.0  # seconds


@dataclass(frozen=True)
class House:
    """An account of two gateways; ``client(n)`` is a client of one of them, logged in and, if wished, with INBOX selected."""

    town: Town
    ports: tuple[int, int]
    user: str
    password: str

    @asynccontextmanager
    async def client(
        self, number: int, select: str = "SELECT INBOX", enable: str = ""
    ) -> AsyncIterator[Client]:
        context = ssl.create_default_context(cafile=self.town.ca)
        client = await Client.connect("localhost", self.ports[number], context)
        try:
            await client.login(self.user, self.password)
            if enable:
                await client.command(f"ENABLE {enable}")
            if select:
                await client.command(select)
            yield client
        finally:
            client.close()


@pytest.fixture(scope="module")
def second(town) -> Iterator[dict[str, int]]:
    with second_gateway(town) as ports:
        yield ports


@pytest_asyncio.fixture
async def house(town, second, request) -> House:
    name = f"twice{abs(hash(request.node.name)) % 10**8}"
    user = await asyncio.to_thread(town.account, name)
    return House(town, (town.ports["imaps"], second["imaps"]), user, town.password(name))


async def append(client: Client, number: int, flags: str = "") -> None:
    await client.command(f"APPEND INBOX ({flags}) ", Literal(b"Subject: letter %d\r\n\r\ntext\r\n" % number))


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < SOON, f"it took {took:.2f} s"


def flags_of(number: int, *wanted: bytes):
    """A FETCH of this message whose flags are these, but for Recent."""
    return lambda one: (
        one.name == "FETCH"
        and one.number == number
        and set(one.fetched()["FLAGS"]) - {b"\\Recent"} == set(wanted)
    )


@pytest.mark.timeout(120)
async def test_an_idling_client_of_the_other_gateway_hears_of_everything(house):
    """APPEND, STORE, a keyword, MOVE and EXPUNGE are told within two seconds each, in both directions."""
    for here, there in ((0, 1), (1, 0)):
        async with house.client(here) as doing, house.client(there) as waiting, waiting.idle():
            with soon():
                await append(doing, 1)
                await waiting.until(lambda one: one.name == "EXISTS" and one.number == 1)
            await append(doing, 2)
            await waiting.until(lambda one: one.name == "EXISTS" and one.number == 2)
            with soon():
                await doing.command("STORE 2 +FLAGS (\\Flagged $Later)")
                await waiting.until(flags_of(2, b"\\Flagged", b"$Later"))
            with soon():
                await doing.command("STORE 1 +FLAGS (\\Deleted)")
                await doing.command("EXPUNGE")
                await waiting.until(lambda one: one.name == "EXPUNGE" and one.number == 1)
            with soon():
                await doing.command("MOVE 1 Trash")
                await waiting.until(lambda one: one.name == "EXPUNGE" and one.number == 1)


@pytest.mark.timeout(120)
async def test_who_only_asks_sees_it_at_once(house):
    """Without IDLE: the next NOOP tells what was done on the other gateway before."""
    async with house.client(0) as doing, house.client(1) as asking:
        for number in range(1, 6):
            await append(doing, number)
            assert (await asking.command("NOOP")).of("EXISTS")[-1].number == number
        await doing.command("STORE 3 +FLAGS.SILENT (\\Seen)")
        assert any(map(flags_of(3, b"\\Seen"), (await asking.command("NOOP")).of("FETCH")))
        await doing.command("UID STORE 2:3 +FLAGS.SILENT (\\Deleted)")
        await doing.command("UID EXPUNGE 2:3")
        assert [one.number for one in (await asking.command("NOOP")).of("EXPUNGE")] == [3, 2]


@pytest.mark.timeout(120)
async def test_a_new_mailbox_of_the_other_gateway_can_be_selected(house):
    """Names are looked up again: CREATE, RENAME and DELETE hold for both at once."""
    async with house.client(0, "") as one, house.client(1, "") as other:
        await one.command("CREATE New")
        await other.command("SELECT New")
        await one.command("RENAME New Newer")
        await other.command("UNSELECT")
        await other.command("SELECT Newer")
        await one.command("CREATE New")
        uidvalidity = (await one.command("SELECT New")).code("UIDVALIDITY")
        assert (await other.command("SELECT New")).code("UIDVALIDITY") == uidvalidity


@pytest.mark.timeout(120)
async def test_qresync_on_the_other_gateway_misses_nothing(house):
    """A client leaves one gateway, everything is changed, and on the other it asks for the difference: all, and no more."""
    async with house.client(0, enable="QRESYNC") as client:
        for number in range(1, 9):
            await append(client, number)
        answer = await client.command("SELECT INBOX")
        known = _picture((await client.command("UID FETCH 1:* (UID FLAGS)")).untagged)
        ((uidvalidity,), (modseq,)) = answer.code("UIDVALIDITY"), answer.code("HIGHESTMODSEQ")
    async with house.client(0) as doing:
        await doing.command("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)")
        await doing.command("EXPUNGE")
        await doing.command("UID STORE 7 +FLAGS ($Work)")
        await doing.command("UID MOVE 8 Trash")
        await append(doing, 9, "\\Seen")
    resync = f"SELECT INBOX (QRESYNC ({uidvalidity} {modseq}))"
    async with house.client(1, "", "QRESYNC") as client:
        answer = await client.command(resync)
        (vanished,) = answer.of("VANISHED")
        assert vanished.values == [[b"EARLIER"], b"2,5,8"]
        told = _picture(answer.untagged)
        assert set(told) == {7, 9}
        merged = {uid: flags for uid, flags in known.items() if uid not in {2, 5, 8}} | told
        assert _picture((await client.command("UID FETCH 1:* (UID FLAGS)")).untagged) == merged
        assert merged[7] == {b"$Work"}
        assert merged[9] == {b"\\Seen"}


def _picture(said: tuple[Response, ...]) -> dict[int, set[bytes]]:
    items = [one.fetched() for one in said if one.name == "FETCH"]
    return {one["UID"]: set(one["FLAGS"]) - {b"\\Recent"} for one in items}
