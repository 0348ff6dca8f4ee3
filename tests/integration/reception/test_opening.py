"""What comes before the greeting, and what a nearly full pod does: over real sockets, with a policy that takes all."""

import asyncio
import contextlib
import ipaddress
import socket

import pytest
import pytest_asyncio

from tests.servers.dialogue import Dialogue
from yubin.reception.reception import Reception
from yubin.reception.terms import Terms
from yubin.smtp.proxy import SIGNATURE

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Open:
    """Everybody is welcome; ``peers`` are whom the policy was shown."""

    def __init__(self):
        self.peers = []

    def size_limit(self, session):
        return 1_000_000

    async def connect(self, session):
        self.peers.append((session.peer, session.port))

    async def helo(self, session):
        pass

    async def mail(self, session, mail):
        pass

    async def rcpt(self, session, envelope, rcpt):
        pass

    async def data(self, session, envelope, content):
        return "Ok"


@pytest.fixture
def policy():
    return Open()


@pytest_asyncio.fixture
async def serve(policy):
    """Starts a reception with some terms of its own; the port."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**terms):
            start.reception = Reception(Terms(hostname="mx.test", **terms), policy)
            stack.push_async_callback(start.reception.stop, 0)
            return await start.reception.listen("127.0.0.1", 0)

        yield start


async def hasty(port, octets):
    """All that the server says to a client that has spoken before it was heard of."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(octets)  # before the server's loop has turned
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        said = b""
        async with asyncio.timeout(10):
            while octets := await loop.sock_recv(client, 4096):
                said += octets
        return said


async def test_talking_before_the_greeting(serve, policy):
    """CASES E7, RFC 5321 4.3.1: 554 in the place of the greeting, and the connection ends."""
    port = await serve()
    for octets in (b"EHLO c.test\r\n", b"EHLO c.test\r\nMAIL FROM:<a@a.test>\r\n", b"\r\n", b"x"):
        assert await hasty(port, octets) == b"554 5.5.0 You talk before you are greeted\r\n"
    async with Dialogue(port) as talk:
        assert talk.greeting.code == 220
        assert (await talk.say("EHLO c.test")).code == 250


async def test_a_greeting_that_keeps_one_waiting(serve):
    """CASES E7: with a delay, whoever talks within it is sent away; who waits is greeted, and a pod can stop meanwhile."""
    port = await serve(banner_delay=0.5)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with Dialogue(port) as talk:
        assert talk.greeting.code == 220
        assert loop.time() - began >= 0.45
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.1)
    writer.write(b"EHLO c.test\r\n")
    assert (await reader.readline()).startswith(b"554 5.5.0")
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.1)
    await serve.reception.stop(5)
    assert (await reader.readline()).startswith(b"421 4.3.2")
    writer.close()


V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"
V2 = SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\x12\x67\x00\x19"


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
async def test_a_proxy_says_for_whom_it_speaks(serve, policy, header):
    """The client behind it is who is counted, judged and written down."""
    port = await serve(proxies=LOOPBACK)
    for cut in (0, 5, len(header) - 1):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(header[:cut])
        await asyncio.sleep(0.05)
        writer.write(header[cut:])
        assert (await reader.readline()).startswith(b"220 ")
        writer.write(b"EHLO c.test\r\n")
        assert (await reader.readline()).startswith(b"250-")
        writer.close()
    assert policy.peers == [("192.0.2.7", 4711)] * 3


async def test_a_proxy_of_whom_nothing_is_said(serve, policy):
    """A health check of the balancer is the balancer's own connection."""
    port = await serve(proxies=LOOPBACK)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PROXY UNKNOWN\r\n")
    assert (await reader.readline()).startswith(b"220 ")
    writer.close()
    assert policy.peers[0][0] == "127.0.0.1"


@pytest.mark.parametrize("sent", [b"", b"EHLO c.test\r\n", b"PROXY TCP4 nonsense\r\n", b"PROXY TCP4 1"])
async def test_a_proxy_that_forgets_its_header(serve, policy, sent):
    """Nobody is guessed: closed without a word, also when nothing comes."""
    port = await serve(proxies=LOOPBACK, proxy_timeout=0.3)
    assert await hasty(port, sent) == b""
    assert policy.peers == []


async def test_a_client_behind_a_proxy_talks_too_soon(serve):
    """CASES E7 holds behind a proxy as well."""
    assert (await hasty(await serve(proxies=LOOPBACK), V1 + b"EHLO c.test\r\n")).startswith(b"554 5.5.0")


@pytest.mark.parametrize(
    "line", ["PROXY TCP4 10.0.0.1 10.0.0.2 1 25", "XCLIENT ADDR=10.0.0.1", "XFORWARD NAME=x"]
)
async def test_nobody_else_speaks_for_others(serve, policy, line):
    """CASES F3: from whoever is no known proxy the line closes the connection, whatever was said before."""
    port = await serve(proxies=(ipaddress.ip_network("10.0.0.0/8"),))
    for first in ("", "EHLO c.test"):
        async with Dialogue(port) as talk:
            if first:
                assert (await talk.say(first)).code == 250
            assert (await talk.say(line)).text.startswith("421 4.7.0 Nobody is trusted")
            assert await talk.ended() == b""
    assert {peer for peer, _ in policy.peers} == {"127.0.0.1"}
    assert (await hasty(port, line.encode() + b"\r\n")).startswith(b"554 5.5.0")


async def test_a_binary_header_of_a_stranger(serve, policy):
    """CASES F3: version 2 is no command, and ends at its bare line feed."""
    async with Dialogue(await serve()) as talk:
        talk.send(V2)
        assert not [line for line in (await talk.ended()).splitlines() if not line.startswith(b"500 5.5.2")]
    assert policy.peers[0][0] == "127.0.0.1"


async def test_a_full_pod_has_less_patience(serve):
    """CASES E10: above four fifths of its connections a pod waits 10 s in the place of 300 (here 0.3); who talks stays."""
    port = await serve(connections=10, stress_timeout=0.3)
    async with contextlib.AsyncExitStack() as stack:
        calm = [await stack.enter_async_context(Dialogue(port)) for _ in range(8)]
        await asyncio.sleep(0.7)
        assert [(await talk.say("NOOP")).code for talk in calm] == [250] * 8
        ninth = await stack.enter_async_context(Dialogue(port))
        heard = [asyncio.create_task(talk.reply()) for talk in calm]
        while not any(task.done() for task in heard):
            assert (await ninth.say("EHLO c.test")).code == 250
            await asyncio.sleep(0.1)
        assert {task.result().text[:9] for task in heard if task.done()} == {"421 4.4.2"}
        for task in heard:
            task.cancel()
        assert (await ninth.say("EHLO c.test")).code == 250
        assert not serve.reception.stressed


async def test_a_full_pod_and_a_letter_that_stands_still(serve):
    """CASES E10: the same in the middle of DATA; a letter that moves is not disturbed."""
    port = await serve(connections=2, stress_timeout=0.3)
    async with Dialogue(port) as moving, Dialogue(port) as still:
        for talk in (moving, still):
            await talk.say("EHLO c.test")
            await talk.say("MAIL FROM:<a@a.test>", "RCPT TO:<b@b.test>", "DATA")
        for _ in range(8):
            moving.send(b"hello\r\n")
            await asyncio.sleep(0.1)
        moving.send(b".\r\n")
        assert (await moving.reply()).code == 250
        assert (await still.reply()).text.startswith("421 4.4.2")
