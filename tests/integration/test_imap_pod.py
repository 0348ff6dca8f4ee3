"""IMAP of the gateway pod beside directory and mailbox pods: other people's clients, kills, hints over NATS, what it costs."""

import asyncio
import contextlib
import imaplib
import time
from pathlib import Path

import pytest_asyncio

from tests.integration import mailbox
from tests.integration.gateway import PASSWORD, GatewayPod
from tests.integration.imap import Talk
from tests.servers.nats import NatsServer, running
from yubin.runtime.certificates import issue

ANNA = "anna@a.example"
ONE = b"Return-Path: <a@b.example>\r\nFrom: a@b.example\r\nSubject: one\r\n\r\nxyzzy-body\r\n"


class Town:
    """A directory, a mailbox pod, and as many gateways as a test starts."""

    def __init__(self, folder, house, nats=None):
        self.folder, self.house, self.nats, self.gateways = folder, house, nats, []

    def gateway(self, **settings):
        if self.nats is not None:
            settings = {"YUBIN_NATS_URL": self.nats.url, **settings}
        name = f"gateway{len(self.gateways)}"
        pod = GatewayPod(self.folder, self.house.directory, self.house.mailbox.port, name=name, **settings)
        self.gateways.append(pod)
        pod.start()
        return pod

    async def deliver(self, *letters, name="anna"):
        async with self.house.mailbox.deliveries() as deliveries:
            for octets in letters:
                (place,) = await deliveries.deliver(mailbox.letter(octets, self.house.ids[name]))
                assert not isinstance(place, Exception), place

    def close(self):
        for pod in self.gateways:
            if pod.process is not None and pod.process.poll() is None:
                pod.kill()


@contextlib.asynccontextmanager
async def session(pod, login=ANNA, select="INBOX"):
    async with Talk(pod.imaps, pod.trust) as talk:
        await talk.ok(f'LOGIN {login} "{PASSWORD}"')
        if select:
            await talk.ok(f"SELECT {select}")
        yield talk


@pytest_asyncio.fixture
async def town(tmp_path):
    async with mailbox.house(tmp_path) as house:
        made = Town(tmp_path, house)
        try:
            yield made
        finally:
            made.close()


async def test_imaplib_over_both_ports(town):
    """Python's own client: login, append, select, search, fetch, store, expunge, logout."""
    pod = town.gateway()

    def visit(client):
        client.login(ANNA, PASSWORD)
        assert client.append("INBOX", None, None, ONE)[0] == "OK"
        assert client.select("INBOX") == ("OK", [b"1"])
        (number,) = client.search(None, "SUBJECT", "one")[1]
        assert client.fetch(number, "(BODY.PEEK[])")[1][0][1] == ONE
        assert client.store(number, "+FLAGS", "\\Deleted")[0] == "OK"
        assert client.expunge() == ("OK", [b"1"])
        assert client.logout()[0] == "BYE"

    def clear():
        client = imaplib.IMAP4("localhost", pod.imap)
        client.starttls(pod.trust)
        return client

    await asyncio.to_thread(lambda: visit(clear()))
    await asyncio.to_thread(lambda: visit(imaplib.IMAP4_SSL("localhost", pod.imaps, ssl_context=pod.trust)))


async def test_a_mailbox_pod_that_is_killed(town):
    """CASES H11: a pause for who idles and who asks; afterwards everybody is still there and nothing was missed."""
    await town.deliver(ONE)
    pod = town.gateway()
    async with session(pod) as idle, session(pod) as busy:
        await idle.idle()
        town.house.mailbox.kill()
        asking = asyncio.create_task(busy.say("STATUS INBOX (MESSAGES)"))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(town.house.mailbox.start)
        assert (await asking)[0] == "* STATUS INBOX (MESSAGES 1)"
        await town.deliver(ONE)
        assert "* 2 EXISTS" in await busy.ok("NOOP")
        *lines, last = await idle.done()
        assert last == "idle OK IDLE completed"
        assert "* 2 EXISTS" in [*lines, *await idle.ok("NOOP")]


async def test_a_gateway_that_is_killed(town):
    """Its sessions are gone and their places free again later; another gateway takes the client at once."""
    await town.deliver(ONE)
    one, other = town.gateway(), town.gateway()
    async with session(one) as talk:
        await talk.ok("STORE 1 +FLAGS (\\Flagged)")
        one.kill()
        assert await talk.ended() == b""
    async with session(other) as talk:
        assert await talk.ok("FETCH 1 (FLAGS)") == ["* 1 FETCH (FLAGS (\\Flagged))"]


async def test_a_gateway_that_is_told_to_stop(town):
    """SIGTERM: BYE to everybody, also in IDLE; exit code 0."""
    pod = town.gateway()
    async with session(pod) as talk, session(pod) as idle:
        await idle.idle()
        pod.terminate()
        assert (await talk.ended()).startswith(b"* BYE [UNAVAILABLE] ")
        assert (await idle.ended()).startswith(b"* BYE [UNAVAILABLE] ")
    assert await asyncio.to_thread(pod.process.wait, 20) == 0


async def test_two_gateways_and_real_hints(tmp_path):
    """CASES H11: what happens on one gateway, or is delivered, is told on the other within two seconds, over NATS."""
    nats_folder = tmp_path / "nats"
    nats_folder.mkdir()
    async with mailbox.house(tmp_path) as house:
        files = issue(house.directory.certificates, "nats", ("127.0.0.1", "localhost"))
        with contextlib.contextmanager(running)(NatsServer(nats_folder, credentials=files)) as nats:
            house.mailbox.stop()
            house.mailbox.environment["YUBIN_NATS_URL"] = nats.url
            await asyncio.to_thread(house.mailbox.start)
            town = Town(tmp_path, house, nats)
            try:
                one, other = town.gateway(), town.gateway()
                async with session(one) as first, session(other) as second:
                    await second.idle()
                    await asyncio.sleep(0.5)  # NATS takes the subscription
                    began = time.monotonic()
                    await town.deliver(ONE)
                    assert (await second.until("* 1 EXISTS"))[-1] == "* 1 EXISTS"
                    await first.ok("NOOP")
                    await first.ok("STORE 1 +FLAGS (\\Deleted)")
                    assert "\\Deleted" in (await second.until("* 1 FETCH"))[-1]
                    await first.ok("EXPUNGE")
                    assert (await second.until("* 1 EXPUNGE"))[-1] == "* 1 EXPUNGE"
                    assert time.monotonic() - began < 2
            finally:
                town.close()


async def test_what_is_logged_and_counted(town):
    """CASES L8: login and logout, never a password, a token or a word of a letter; metrics by verb."""
    await town.deliver(ONE)
    pod = town.gateway()
    async with session(pod) as talk:
        await talk.ok("FETCH 1 (BODY[])")
        await talk.no("SELECT Nowhere")
        await talk.no("XYZZY")
        assert pod.metric('yubin_gateway_connections{protocol="imap"}') == 1
        await talk.ok("LOGOUT")
        await talk.ended()
    async with Talk(pod.imaps, pod.trust) as talk:
        await talk.no(f"LOGIN {ANNA} wrong-xyzzy")
    for outcome, verb in (("ok", "FETCH"), ("no", "SELECT"), ("bad", "other"), ("ok", "LOGOUT")):
        series = f'yubin_gateway_commands_total{{outcome="{outcome}",protocol="imap",verb="{verb}"}}'
        assert pod.metric(series) == 1, series
    assert pod.metric('yubin_gateway_logins_total{outcome="ok",protocol="imap"}') == 1
    assert pod.metric('yubin_gateway_logins_total{outcome="wrong",protocol="imap"}') == 1
    token = await town.house.session()
    assert pod.stop() == 0
    assert '"action":"login"' in pod.log
    assert '"commands":6' in pod.log
    assert not [word for word in (PASSWORD, "xyzzy", token.split(".")[0]) if word in pod.log]


async def test_an_idling_connection_is_small(town):
    """CASES H11: at most 60 KiB of memory each behind TLS, with a mailbox selected and in IDLE."""
    await town.deliver(*[ONE] * 20)
    pod = town.gateway(YUBIN_CONNECTIONS_PER_ADDRESS="1000", YUBIN_CONNECTIONS_PER_USER="1000")

    def resident():
        status = Path(f"/proc/{pod.process.pid}/status").read_text().splitlines()
        (line,) = [x for x in status if "VmRSS" in x]
        return int(line.split()[1])

    async def come(stack):
        talk = await stack.enter_async_context(session(pod))
        await talk.idle()

    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(*[come(stack) for _ in range(20)])
    before = resident()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            await asyncio.gather(*[come(stack) for _ in range(15)])
        assert (resident() - before) / 300 < 60


async def test_a_trace_goes_on_into_the_mailbox_pod(tmp_path, otlp):
    """A SELECT is one trace: the gateway's span, the calls, and what the mailbox pod did for it."""
    traced = {"YUBIN_OTLP_ENDPOINT": otlp.endpoint, "YUBIN_TRACE_RATIO": "1.0"}
    async with mailbox.house(tmp_path, **traced) as house:
        town = Town(tmp_path, house)
        pod = town.gateway(**traced)
        async with session(pod) as talk:
            await talk.ok("LOGOUT")
        pod.stop()
        house.mailbox.stop()
    (mine,) = [span for span in otlp.spans() if span.name == "gateway.imap.SELECT"]
    services = {span.service for span in otlp.spans() if span.trace_id == mine.trace_id}
    assert services == {"yubin-gateway", "yubin-mailbox"}
