"""The directory pod as a process of its own, over gRPC with mutual TLS."""

import asyncio
import json

import pytest

from tests.integration.directory import LIGHT, DirectoryPod, running
from yubin.accounts.port import Limits
from yubin.errors import Exhausted, Exists, Invalid, NotFound, Unauthenticated, Unavailable
from yubin.v1 import directory_pb2 as pb
from yubin.v1 import directory_pb2_grpc as stubs

SEAL = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="


@pytest.fixture
def pod(tmp_path):
    with running(tmp_path, YUBIN_DKIM_SEAL_KEY=SEAL, YUBIN_KEYS_VALID_FOR="1", **LIGHT) as made:
        yield made


async def people(pod, password="correct horse"):
    async with pod.admin() as admin:
        await admin.create_tenant("acme")
        await admin.create_domain("acme", "a.example")
        await admin.create_account("anna@a.example", password, Limits(per_hour=100))


async def check(directory, login="anna@a.example", password="correct horse", peer="192.0.2.1"):
    return await directory.authenticate(login, password, peer=peer, service="submission")


async def test_an_operator_keeps_house(pod):
    """Every administrative call does over the wire what the port says."""
    async with pod.admin() as admin, pod.remote() as directory:
        assert (await admin.create_tenant("acme")).name == "acme"
        await admin.create_tenant("beta")
        assert [t.name for t in await admin.list_tenants(after="acme", limit=5)] == ["beta"]
        domain = await admin.create_domain("acme", "Ａ.Example", "boss@a.example")
        assert (domain.name, domain.catch_all, len(domain.dkim)) == ("a.example", "boss@a.example", 1)
        assert await admin.get_domain("a.example") == domain
        assert await admin.list_domains("acme") == (domain,)
        anna = await admin.create_account("Anna@a.example", "correct horse", Limits(quota=5))
        assert (anna.address, anna.enabled, anna.limits) == ("anna@a.example", True, Limits(quota=5))
        assert await admin.list_accounts("a.example") == (anna,)
        alias = await admin.put_alias("info@a.example", ("anna@a.example", "x@b.example"))
        assert await admin.list_aliases("a.example") == (alias,)
        identity = await check(directory)
        assert identity.senders == {"anna@a.example", "info@a.example"}
        assert (identity.tenant, identity.account, identity.limits) == ("acme", anna.id, Limits(quota=5))
        off = await admin.update_account("anna@a.example", enabled=False)
        assert (off.enabled, off.limits) == (False, Limits(quota=5))
        assert (await admin.update_account("anna@a.example", limits=Limits(quota=7))).limits.quota == 7
        await admin.update_account("anna@a.example", enabled=True)
        await admin.set_password("anna@a.example", "battery staple")
        async with pod.remote("gateway") as fresh:
            assert (await check(fresh, password="battery staple")).limits.quota == 7
            with pytest.raises(Unauthenticated):
                await check(fresh)
        rotated = await admin.rotate_key("a.example", "ed25519-sha256", "ed1")
        assert rotated.dkim[0].selector == "ed1"
        assert {k.algorithm for k in await directory.signing_keys("a.example")} == {
            "rsa-sha256",
            "ed25519-sha256",
        }
        await admin.delete_alias("info@a.example")
        await admin.delete_account("anna@a.example")
        await admin.delete_domain("a.example")
        assert await admin.list_domains() == ()


async def test_failures_cross_the_wire_intact(pod):
    """With their kind, their SMTP code and their words (CASES E16 among them)."""
    async with pod.admin() as admin:
        await admin.create_tenant("acme")
        await admin.create_domain("acme", "a.example")
        with pytest.raises(Exists):
            await admin.create_domain("acme", "A.example")
        with pytest.raises(NotFound):
            await admin.get_account("anna@a.example")
        with pytest.raises(Invalid) as refused:
            await admin.create_domain("acme", "b.example\r\nX-Injected: 1")
        assert (refused.value.code, refused.value.enhanced) == (553, "5.1.2")
        with pytest.raises(Invalid):
            await admin.create_account("u@a.example", "line\r\nbreak")
        with pytest.raises(Invalid):
            await admin.update_account("u@a.example", limits=Limits(quota=2**63))


async def test_odd_credentials_disturb_nobody(pod):
    """CASES F9: NUL, 12 KB, control characters and emptiness are refused, and the next login works."""
    await people(pod)
    async with pod.channel("submission") as channel, pod.remote() as directory:
        stub = stubs.DirectoryStub(channel)
        for login, password in (
            ("anna@a.example", "correct horse\0"),
            ("anna@a.example", "x" * 12_500),
            ("x" * 12_500, "y"),
            ("", ""),
            ("\0", "\0"),
            ("anna@a.example\r\n", "correct horse"),
            ("anna@a.example", "\x1b[2J\x1b[31m"),
        ):
            request = pb.AuthenticateRequest(login=login, password=password, peer="192.0.2.1", service="imap")
            with pytest.raises(Unauthenticated):
                await stub.Authenticate(request)
        assert (await check(directory)).login == "anna@a.example"


@pytest.mark.alone
async def test_two_hundred_logins_at_once(tmp_path):
    """CASES F11: with real hashes the loop is at most 100 ms late, other calls are answered, the rest hear 454."""
    with running(tmp_path, YUBIN_AUTH_QUEUE="8") as pod:
        await people(pod)
        async with pod.remote() as directory:
            await check(directory, peer="198.51.100.7")
            known = asyncio.create_task(check(directory, peer="198.51.100.7"))
            flood = [
                check(directory, f"u{n}@a.example", "guess", f"10.0.{n >> 7}.{n & 127}") for n in range(200)
            ]
            keys = [directory.signing_keys(f"d{n}.example") for n in range(50)]
            results = await asyncio.gather(*flood, return_exceptions=True)
            assert await asyncio.gather(*keys) == [()] * 50
        assert (await known).login == "anna@a.example"
        busy = [r for r in results if isinstance(r, Exhausted)]
        assert {type(r) for r in results} == {Exhausted, Unauthenticated}
        assert {(r.code, r.enhanced) for r in busy} == {(454, "4.7.0")}
        await asyncio.sleep(0.3)  # one more sample of the pod's own measure
        assert pod.metric("yubin_loop_lag_max_seconds") <= 0.1
        assert pod.metric('yubin_auth_checks_total{outcome="busy"}') == len(busy)


async def test_guessing_is_throttled(pod):
    """CASES F7: over the wire too, and the user who is known logs in throughout."""
    await people(pod)
    async with pod.remote() as directory, pod.remote("api") as uncached:
        await check(directory, peer="198.51.100.7")
        guesses = [check(directory, password=f"guess {n}", peer=f"10.0.0.{n}") for n in range(60)]
        results = await asyncio.gather(*guesses, return_exceptions=True)
        assert [type(r) for r in results].count(Unauthenticated) == 20
        assert {(r.code, r.enhanced) for r in results if isinstance(r, Exhausted)} == {(454, "4.7.0")}
        assert (await check(uncached, peer="198.51.100.7")).login == "anna@a.example"
    assert pod.metric('yubin_auth_checks_total{outcome="throttled"}') == 40


async def test_no_secret_is_in_the_log_the_metrics_or_the_file(pod):
    """CASES L8: not a password, not a private key, not the seal key; a login is in no metric."""
    password = "hunter2 hunter2"
    await people(pod, password)
    async with pod.remote() as directory, pod.admin() as admin:
        await check(directory, password=password)
        keys = await directory.signing_keys("a.example")
        for login, typed in (
            ("anna@a.example", "hunter3 hunter3"),
            ("hunter4hunter4", "x"),
            ("hunter5@hunter5", "\r\n"),
        ):
            with pytest.raises(Unauthenticated):
                await check(directory, login, typed)
        with pytest.raises(Invalid):
            await admin.set_password("anna@a.example", "hunter6\r\n")
        await admin.set_password("anna@a.example", "hunter7 hunter7")
        await admin.rotate_key("a.example")
    metrics = pod.metrics()
    assert pod.stop() == 0
    private = keys[0].private_pem.decode().splitlines()[1:-1]
    stored = b"".join(path.read_bytes() for path in pod.folder.glob("directory.db*")).decode("latin-1")
    for place in (pod.log, metrics, stored):
        assert "hunter" not in place
        assert "PRIVATE KEY" not in place
        assert SEAL not in place
        assert not [line for line in private if line in place]
    assert "anna@a.example" not in metrics
    assert "a.example" not in metrics
    lines = [json.loads(line) for line in pod.log.splitlines()]
    assert {"auth", "admin", "stopped"} <= {line["action"] for line in lines}


async def test_a_restart_loses_nothing_and_letters_are_signed_meanwhile(pod):
    """SIGTERM ends it with 0; what was said is on the disk; a client signs with the keys that it has."""
    await people(pod)
    async with pod.remote() as directory:
        identity, keys = await check(directory), await directory.signing_keys("a.example")
        assert pod.stop() == 0
        await asyncio.sleep(1.1)  # the keys are no longer fresh
        assert await directory.signing_keys("a.example") == keys
        assert await check(directory) == identity
        with pytest.raises(Unavailable) as refused:
            await check(directory, password="another one")
        assert (refused.value.code, refused.value.enhanced) == (454, "4.7.0")
        pod.start()
        async with pod.remote("gateway") as fresh:
            assert await check(fresh) == identity
            assert await fresh.signing_keys("a.example") == keys


async def test_two_pods_on_one_postgresql(tmp_path, postgres_dsn):
    """What one is told the other knows: the pod keeps nothing of its own in a cluster."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        running(tmp_path / "one", postgres_dsn, **LIGHT) as one,
        running(tmp_path / "two", postgres_dsn, **LIGHT) as two,
    ):
        await people(one)
        async with one.remote() as here, two.remote() as there, two.admin() as admin:
            assert await check(here) == await check(there)
            await admin.set_password("anna@a.example", "battery staple")
            async with one.remote() as fresh:
                assert await check(fresh, password="battery staple")
        assert one.stop() == two.stop() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YUBIN_DKIM_SEAL_KEY", "c2VjcmV0"),
        ("YUBIN_ACCOUNTS_URL", "mysql://secret@db"),
        ("YUBIN_AUTH_VALID_FOR", "61"),
        ("YUBIN_ARGON2_MEMORY_KIB", "secret"),
    ],
)
def test_a_wrong_setting_ends_the_pod_at_start(tmp_path, name, value):
    """With the variable's name and without its value."""
    pod = DirectoryPod(tmp_path, **{name: value})
    with pytest.raises(AssertionError):
        pod.start()
    assert pod.process.wait(10) == 2
    assert name in pod.log
    assert "c2VjcmV0" not in pod.log
    assert "secret" not in pod.log
