"""The gateway pod beside directory and mailbox pods: other people's clients, kills and restarts, what is logged and counted."""

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration import mailbox
from tests.integration.directory import DirectoryPod
from tests.integration.gateway import PASSWORD, GatewayPod, Talk, letter
from tests.servers import pop3_clients as clients

ANNA = "anna@a.example"
RETURN = b"Return-Path: <a@b.example>\r\n"
LARGE = RETURN + letter(4, 300_000)
LETTERS = [
    RETURN + letter(1),
    "Return-Path: <a@b.example>\r\nFrom: a@b.example\r\nSubject: =?utf-8?q?=E9=83=B5=E4=BE=BF?=\r\n\r\n郵便\r\n.\r\n..\r\nend\r\n".encode(),
    RETURN + b"From: a@b.example\r\nSubject: empty\r\n\r\n",
    LARGE,
]


class Town:
    """Three pods; ``gateways`` may be several."""

    def __init__(self, folder, house):
        self.folder, self.house, self.gateways = folder, house, []

    def gateway(self, **settings):
        pod = GatewayPod(
            self.folder,
            self.house.directory,
            self.house.mailbox.port,
            name=f"gateway{len(self.gateways)}",
            **settings,
        )
        self.gateways.append(pod)
        pod.start()
        return pod

    async def deliver(self, *letters, name="anna"):
        async with self.house.mailbox.deliveries() as deliveries:
            for octets in letters:
                (place,) = await deliveries.deliver(mailbox.letter(octets, self.house.ids[name]))
                assert not isinstance(place, Exception), place

    async def flags(self):
        """(UID, flags) of anna's INBOX."""
        async with self.house.account() as account:
            return [
                pair async for page in account.view(1) for pair in zip(page.uids, page.flags, strict=True)
            ]


@pytest_asyncio.fixture
async def town(tmp_path):
    async with mailbox.house(tmp_path) as house:
        made = Town(tmp_path, house)
        try:
            yield made
        finally:
            for pod in made.gateways:
                if pod.process is not None and pod.process.poll() is None:
                    pod.kill()


@pytest.mark.parametrize(
    "client", [clients.curl, clients.mpop, clients.getmail, clients.fetchmail, clients.python]
)
async def test_other_peoples_clients(town, tmp_path, client):
    """Each fetches every letter over TLS, octet for octet up to its own line ends, and leaves all of them there."""
    await town.deliver(*LETTERS)
    pod = town.gateway()
    fetched = await asyncio.to_thread(client, "127.0.0.1", pod.pop3s, pod.ca, ANNA, PASSWORD, tmp_path)
    assert len(fetched) == 4
    for octets, expected in zip(sorted(fetched), sorted(LETTERS), strict=True):
        assert octets == expected
    assert len(await town.flags()) == 4


async def test_curl_asks_and_mpop_remembers(town, tmp_path):
    """UIDL by hand; STLS on the clear port; a client that knows what it has fetched gets the new ones only."""
    await town.deliver(*LETTERS[:2])
    pod = town.gateway()
    access = ("127.0.0.1", pod.pop3s, pod.ca, ANNA, PASSWORD)
    said = await asyncio.to_thread(clients.curl_says, *access, "-X", "UIDL")
    assert [line.split()[0] for line in said.splitlines()] == [b"1", b"2"]
    clear = ("127.0.0.1", pod.pop3, pod.ca, ANNA, PASSWORD, tmp_path)
    assert len(await asyncio.to_thread(lambda: clients.curl(*clear, stls=True))) == 2
    assert len(await asyncio.to_thread(lambda: clients.mpop(*clear, stls=True, only_new=True))) == 2
    await town.deliver(LETTERS[2])
    pod.stop()
    pod.start()
    assert len(await asyncio.to_thread(lambda: clients.mpop(*clear, stls=True, only_new=True))) == 3
    assert [
        line.split()[1]
        for line in (await asyncio.to_thread(clients.curl_says, *access, "-X", "UIDL")).splitlines()
    ][:2] == [line.split()[1] for line in said.splitlines()]


async def test_a_client_that_deletes_what_it_has_fetched(town, tmp_path):
    """A client that keeps nothing: RETR, DELE, QUIT; the maildrop is empty afterwards."""
    await town.deliver(*LETTERS)
    pod = town.gateway()
    fetched = await asyncio.to_thread(
        lambda: clients.mpop("127.0.0.1", pod.pop3s, pod.ca, ANNA, PASSWORD, tmp_path, keep=False)
    )
    assert len(fetched) == 4
    assert await town.flags() == []


async def test_a_mailbox_pod_that_is_killed(town):
    """CASES H13: in the middle of a session: the client waits or hears [SYS/TEMP], UIDL and what is marked stay the same."""
    await town.deliver(*LETTERS)
    pod = town.gateway()
    async with pod.session(ANNA) as talk:
        before = await talk.listing("UIDL")
        assert await talk.say("DELE 3") == "+OK Marked"
        town.house.mailbox.kill()
        assert (await talk.letter("RETR 1")).startswith("-ERR [SYS/TEMP] ")
        await asyncio.to_thread(town.house.mailbox.start)
        async with asyncio.timeout(20):
            while (found := await talk.letter("RETR 1")) != LETTERS[0]:
                assert found.startswith("-ERR [SYS/TEMP] "), found
                await asyncio.sleep(0.2)
        assert await talk.letter("RETR 4") == LARGE
        assert await talk.say("QUIT") == "+OK Goodbye"
    async with pod.session(ANNA) as talk:
        assert [line.split()[1] for line in await talk.listing("UIDL")] == [
            line.split()[1] for line in before if not line.startswith("3 ")
        ]


async def test_a_gateway_that_is_killed(town):
    """CASES H13: what was marked is kept; the lock is still there, until its time is over (test_pop3.py)."""
    await town.deliver(*LETTERS[:2])
    one, other = town.gateway(), town.gateway()
    async with one.session(ANNA) as talk:
        await talk.say("DELE 1", "DELE 2")
        one.kill()
    async with other.client() as talk:
        assert (await talk.login(ANNA)).startswith("-ERR [IN-USE] ")
    assert len(await town.flags()) == 2


async def test_a_gateway_that_is_told_to_stop(town):
    """SIGTERM: the client is told, nothing is removed, the lock is free at once, and the exit code is 0."""
    await town.deliver(LETTERS[0])
    one, other = town.gateway(), town.gateway()
    async with one.session(ANNA) as talk:
        await talk.say("DELE 1")
        one.terminate()
        assert await talk.ended() == b"-ERR [SYS/TEMP] This server stops\r\n"
    assert await asyncio.to_thread(one.process.wait, 20) == 0
    async with other.session(ANNA) as talk:
        assert (await talk.say("STAT")).startswith("+OK 1 ")


async def test_many_wrong_passwords(town):
    """CASES F7: thirty, over many connections: the directory throttles, told as trouble that passes; another user gets in."""
    pod = town.gateway()
    replies = []
    for _ in range(10):
        async with pod.client() as talk:
            replies += [await talk.login(ANNA, "wrong") for _ in range(3)]
    assert replies[0].startswith("-ERR [AUTH] ")
    assert replies[-1].startswith("-ERR [SYS/TEMP] ")


async def test_what_is_logged_and_counted(town):
    """CASES L8: login and logout with counts, never a password, a token or a word of a letter; metrics by verb."""
    await town.deliver(letter(1).replace(b"x" * 20, b"xyzzy-body-of-letter"))
    pod = town.gateway()
    async with pod.session(ANNA) as talk:
        await talk.letter("RETR 1")
        await talk.say("DELE 1", "XYZZY")
        assert pod.metric('yubin_gateway_connections{protocol="pop3"}') == 1
        await talk.say("QUIT")
        await talk.ended()
    async with pod.client() as talk:
        await talk.login(ANNA, "wrong-xyzzy")
    assert pod.metric('yubin_gateway_commands_total{outcome="ok",protocol="pop3",verb="RETR"}') == 1
    assert pod.metric('yubin_gateway_commands_total{outcome="err",protocol="pop3",verb="other"}') == 1
    assert pod.metric('yubin_gateway_logins_total{outcome="ok",protocol="pop3"}') == 1
    assert pod.metric('yubin_gateway_logins_total{outcome="wrong",protocol="pop3"}') == 1
    assert pod.metric("yubin_gateway_bytes_total") > 500
    assert pod.stop() == 0
    assert '"action":"login"' in pod.log
    assert '"removed":1' in pod.log
    assert '"retrieved":1' in pod.log
    session = await town.house.session()
    assert not [word for word in (PASSWORD, "xyzzy", session.split(".")[0]) if word in pod.log]


async def test_an_idle_connection_is_small(town):
    """At most 60 KiB of memory each behind TLS, also for those that come after others have left."""
    pod = town.gateway(YUBIN_CONNECTIONS_PER_ADDRESS="1000")

    def resident():
        (line,) = [
            x for x in Path(f"/proc/{pod.process.pid}/status").read_text().splitlines() if "VmRSS" in x
        ]
        return int(line.split()[1])

    async def come(stack):
        talk = await stack.enter_async_context(pod.client())
        await talk.listing("CAPA")

    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(*[come(stack) for _ in range(20)])
    before = resident()
    for _ in range(2):
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                await asyncio.gather(*[come(stack) for _ in range(15)])
            assert (resident() - before) / 300 < 60


async def test_a_trace_goes_on_into_the_mailbox_pod(tmp_path, otlp):
    """A RETR is one trace: the gateway's span, the call, and what the mailbox pod did for it."""
    traced = {"YUBIN_OTLP_ENDPOINT": otlp.endpoint, "YUBIN_TRACE_RATIO": "1.0"}
    async with mailbox.house(tmp_path, **traced) as house:
        town = Town(tmp_path, house)
        await town.deliver(LETTERS[0])
        pod = town.gateway(**traced)
        async with pod.session(ANNA) as talk:
            assert await talk.letter("RETR 1") == LETTERS[0]
            await talk.say("QUIT")
        pod.stop()
        house.mailbox.stop()
    spans = {(span.service, span.name): span for span in otlp.spans()}
    (mine,) = [span for span in otlp.spans() if span.name == "gateway.pop3.RETR"]
    inside = [span for span in spans.values() if span.trace_id == mine.trace_id]
    assert {span.service for span in inside} == {"yubin-gateway", "yubin-mailbox"}
    assert ("yubin-gateway", "gateway.pop3.QUIT") in spans


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"YUBIN_MAIL_TLS_CERT": None, "YUBIN_MAIL_TLS_KEY": None}, "YUBIN_MAIL_TLS_CERT"),
        ({"YUBIN_AUTH_WITHOUT_TLS": "true", "YUBIN_POP3_LISTEN": "0.0.0.0:0"}, "YUBIN_AUTH_WITHOUT_TLS"),
        ({"YUBIN_IDLE_TIMEOUT": "60"}, "YUBIN_IDLE_TIMEOUT"),
        ({"YUBIN_HOSTNAME": None}, "YUBIN_HOSTNAME"),
    ],
)
async def test_a_wrong_setting_ends_the_pod_with_its_name(tmp_path, settings, variable):
    """CASES F4: nobody may log in without TLS except on loopback; every mistake names its variable."""
    pod = GatewayPod(tmp_path, DirectoryPod(tmp_path), 1, **settings)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "services.gateway"],
        env=pod.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert variable in done.stderr


async def test_passwords_in_clear_on_loopback(town):
    """For benchmarks: without a certificate, where the operator says so."""
    await town.deliver(LETTERS[0])
    pod = town.gateway(
        YUBIN_AUTH_WITHOUT_TLS="true",
        YUBIN_IMAPS_LISTEN="",
        YUBIN_POP3S_LISTEN="",
        YUBIN_MAIL_TLS_CERT=None,
        YUBIN_MAIL_TLS_KEY=None,
    )
    async with Talk(pod.pop3) as talk:
        assert "STLS" not in await talk.listing("CAPA")
        assert (await talk.login(ANNA)).startswith("+OK 1 ")
        assert await talk.letter("RETR 1") == LETTERS[0]
