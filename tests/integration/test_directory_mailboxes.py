"""What the directory pod tells the pods that deliver and keep mail, over gRPC with mutual TLS."""

import asyncio
import time

import pytest

from tests.integration.directory import LIGHT, running
from yubin.accounts.port import Destination, Kind, Limits, LocalAccount
from yubin.accounts.remote import RemoteSessions
from yubin.accounts.session import SessionVerifier
from yubin.errors import Invalid, NotFound, Unavailable
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

SEAL = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="


@pytest.fixture
async def pod(tmp_path):
    settings = {"YUBIN_DKIM_SEAL_KEY": SEAL, "YUBIN_SESSION_FOR": "120", "YUBIN_POSTMASTER": "anna@a.example"}
    with running(tmp_path, **settings, **LIGHT) as made:
        async with made.admin() as admin:
            await admin.create_tenant("acme")
            await admin.create_domain("acme", "a.example")
            await admin.create_account("anna@a.example", "correct horse", Limits(quota=2**40))
        yield made


async def test_where_mail_goes(pod):
    """Accounts, aliases, subaddresses, roles, who has moved, and the world, to every pod that asks."""
    async with pod.admin() as admin:
        anna = await admin.get_account("anna@a.example")
        gone = await admin.create_account("gone@a.example", "correct horse")
        moved = await admin.update_account("gone@a.example", moved_to="New@B.example")
        await admin.put_alias("all@a.example", ("anna@a.example", "gone@a.example", "X@b.example"))
    assert (gone.moved_to, moved.moved_to) == ("", "New@b.example")
    accounts = (LocalAccount(id=anna.id, address="anna@a.example", quota=2**40),)
    to_anna = Destination(kind=Kind.LOCAL, tenant="acme", accounts=accounts)
    wanted = {
        "Anna+tag@a.example": to_anna,
        "Postmaster@a.example": to_anna,
        "Postmaster": to_anna,
        "all@a.example": Destination(
            kind=Kind.LOCAL, tenant="acme", accounts=accounts, remote=("X@b.example",)
        ),
        "gone@a.example": Destination(kind=Kind.MOVED, tenant="acme", moved_to="New@b.example"),
        "who@a.example": Destination(kind=Kind.UNKNOWN, tenant="acme"),
        "x@b.example": Destination(kind=Kind.NOT_LOCAL),
    }
    for caller in ("mx", "submission", "delivery", "api"):
        async with pod.remote(caller) as directory:
            assert await directory.lookup(list(wanted)) == tuple(wanted.values())
    async with pod.admin() as admin:
        await admin.update_account("gone@a.example", moved_to="")
    async with pod.remote("mx") as directory:
        assert (await directory.lookup(["gone@a.example"]))[0].kind is Kind.LOCAL


async def test_many_addresses_at_once(pod):
    """Two thousand and more are several calls; one call takes a thousand at most."""
    addresses = [f"u{n}@{'a' if n % 2 else 'b'}.example" for n in range(2500)]
    async with pod.remote("delivery") as directory:
        found = await directory.lookup(addresses)
        assert [d.kind is Kind.UNKNOWN for d in found] == [bool(n % 2) for n in range(2500)]
    async with pod.channel("delivery") as channel:
        with pytest.raises(Invalid):
            await stubs.DirectoryStub(channel).Lookup(pb.LookupRequest(addresses=addresses[:1001]))


async def test_what_is_known_outlives_a_directory_that_is_away(pod):
    """The pod is stopped: an hour's memory for who is known, 451 for who is not; it comes back, and is asked again."""
    async with pod.remote("mx") as directory:
        (before,) = await directory.lookup(["anna@a.example"])
        pod.stop()
        directory._lookups._clock = lambda later=directory._clock: later() + 61
        assert await directory.lookup(["anna@a.example"]) == (before,)
        with pytest.raises(Unavailable) as failure:
            await directory.lookup(["bert@a.example"])
        assert (failure.value.code, failure.value.enhanced) == (451, "4.3.0")
        pod.start()
        assert await unknown_in_the_end(directory, "bert@a.example")


async def unknown_in_the_end(directory, address):
    """The channel reconnects within 3 s."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return (await directory.lookup([address]))[0].kind is Kind.UNKNOWN
        except Unavailable:
            await asyncio.sleep(0.1)
    return False


async def test_a_log_in_opens_a_mailbox(pod):
    """CASES L8: the gateway gets a token that a mailbox can check with the keys alone; the log shows neither."""
    async with pod.channel("mailbox") as channel:
        verifier = SessionVerifier(await RemoteSessions(channel).keys())
    async with pod.remote("gateway") as directory:
        identity = await directory.authenticate(
            "anna@a.example", "correct horse", peer="192.0.2.1", service="pop3"
        )
    claims = verifier.check(identity.session)
    assert (claims.account, claims.quota) == (identity.account, 2**40)
    assert identity.session_for == 120
    async with pod.channel("gateway") as channel:
        sessions = RemoteSessions(channel)
        (renewed,) = await sessions.renew([identity.session])
        assert verifier.check(renewed).account == identity.account
        async with pod.admin() as admin:
            await admin.update_account("anna@a.example", enabled=False)
        assert await sessions.renew([renewed, identity.session]) == ("", "")
    assert identity.session not in pod.log
    assert renewed not in pod.log


async def test_an_operator_opens_a_mailbox(pod):
    """The api pod gets the account with a token for it, and NOT_FOUND for an address that is no account."""
    async with pod.channel("api") as channel:
        account, token = await RemoteSessions(channel).open("Anna@a.example")
        with pytest.raises(NotFound):
            await RemoteSessions(channel).open("who@a.example")
    async with pod.channel("mailbox") as channel:
        assert SessionVerifier(await RemoteSessions(channel).keys()).check(token).account == account.id


async def test_directory_pods_trust_each_others_tokens(pod, tmp_path):
    """The same secret makes the same key, also after a restart; another secret makes another."""

    async def keys(of):
        async with of.channel("mailbox") as channel:
            return await RemoteSessions(channel).keys()

    first = await keys(pod)
    (tmp_path / "second").mkdir()
    with running(tmp_path / "second", YUBIN_DKIM_SEAL_KEY=SEAL, **LIGHT) as second:
        assert await keys(second) == first
    (tmp_path / "third").mkdir()
    with running(tmp_path / "third", **LIGHT) as third:
        assert await keys(third) != first
        assert "YUBIN_DKIM_SEAL_KEY" in third.log
    assert "YUBIN_DKIM_SEAL_KEY" not in pod.log
