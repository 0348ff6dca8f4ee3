"""Login: throttle, look up, verify, and only then who it is."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.directory.passwords import Cost, Hasher
from tests.unit.accounts.directory import LIGHT, World
from yubin.accounts.port import ARGON2ID
from yubin.errors import Exhausted, Invalid, Unauthenticated, Unavailable


@pytest.fixture
async def world():
    made = World()
    await made.people("anna@a.example", "bert@a.example")
    yield made
    made.close()


async def test_a_right_password(world):
    """However the address and the password are typed."""
    for typed in ("anna@a.example", "Anna@A.EXAMPLE", "anna@a.example."):
        identity = await world.check(typed, "ｃｏｒｒｅｃｔ　ｈｏｒｓｅ")
        assert identity.login == "anna@a.example"
        assert identity.tenant == "acme"


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("anna@a.example", "wrong horse"),
        ("anna@a.example", ""),
        ("anna@a.example", "correct horse\0"),
        ("anna@a.example", "x" * 12_500),
        ("nobody@a.example", "correct horse"),
        ("anna@b.example", "correct horse"),
        ("anna", "correct horse"),
        ("", "correct horse"),
        ("an\0na@a.example", "correct horse"),
        ("anna@a.example\r\n", "correct horse"),
        ("x" * 20_000 + "@a.example", "correct horse"),
        ("anna@a.example' OR 1=1 --", "correct horse"),
    ],
)
async def test_whatever_does_not_hold_is_answered_alike(world, login, password):
    """CASES F9: one refusal, 535 5.7.8, in the same words, for a wrong password and for no such login."""
    with pytest.raises(Unauthenticated) as refused:
        await world.check(login, password)
    assert str(refused.value) == "535 5.7.8 Authentication credentials invalid"


async def test_an_unknown_or_disabled_login_costs_one_hash(world):
    """The same work as for a known one: the hasher verifies a decoy of the same parameters."""
    await world.admin.update_account("bert@a.example", enabled=False)
    verified = []
    real = world.hasher.verify

    async def spy(encoded, password):
        verified.append(encoded.rpartition("$")[0].rpartition("$")[0])
        return await real(encoded, password)

    world.hasher.verify = spy
    for login in ("anna@a.example", "bert@a.example", "nobody@a.example", "not an address"):
        with pytest.raises(Unauthenticated):
            await world.check(login, "wrong horse")
    assert len(verified) == 4
    assert len(set(verified)) == 1


async def test_the_decoy_lets_nobody_in(world):
    """Even whoever guesses its password is nobody."""
    world.hasher.decoy = await world.hasher.hash("guessed it")
    with pytest.raises(Unauthenticated):
        await world.check("nobody@a.example", "guessed it")


async def test_a_thousand_guesses(world):
    """CASES F7: from one address, then from a thousand; the user whom we know logs in throughout."""
    await world.check("anna@a.example", peer="198.51.100.7")
    outcomes = {Unauthenticated: 0, Exhausted: 0}
    for n in range(1000):
        with pytest.raises((Unauthenticated, Exhausted)) as refused:
            await world.check(f"u{n % 50}@a.example", "guess", peer="192.0.2.66")
        outcomes[type(refused.value)] += 1
    assert outcomes == {Unauthenticated: 30, Exhausted: 970}
    outcomes = {Unauthenticated: 0, Exhausted: 0}
    for n in range(1000):
        with pytest.raises((Unauthenticated, Exhausted)) as refused:
            await world.check("anna@a.example", "guess", peer=f"10.1.{n >> 8}.{n & 255}")
        outcomes[type(refused.value)] += 1
    assert outcomes == {Unauthenticated: 20, Exhausted: 980}
    assert (await world.check("anna@a.example", peer="198.51.100.7")).login == "anna@a.example"
    assert (await world.check("bert@a.example", peer="192.0.2.2")).login == "bert@a.example"


async def test_what_we_could_not_check_is_nobodys_failure(world):
    """A store that is away, or a full queue, is 454 4.7.0 and costs no token."""

    class Away:
        async def holder(self, address):
            raise Unavailable("the database cannot be used now")

    away = world.login_over(Away())
    for _ in range(100):
        with pytest.raises(Unavailable) as failure:
            await away.authenticate("anna@a.example", "x", peer="192.0.2.1", service="imap")
        assert (failure.value.code, failure.value.enhanced) == (454, "4.7.0")
    assert await world.check("anna@a.example")


async def test_many_logins_at_once_get_their_own_identity(world):
    """CASES F11: two hundred at once, each is who it is; beyond the bounds 454 4.7.0."""
    logins = ["anna@a.example", "bert@a.example"] * 100
    results = await asyncio.gather(
        *(world.check(login, peer=f"10.2.0.{n}") for n, login in enumerate(logins)), return_exceptions=True
    )
    for login, result in zip(logins, results, strict=True):
        assert isinstance(result, Exhausted) or result.login == login
    refused = [r for r in results if isinstance(r, Exhausted)]
    assert {(r.code, r.enhanced) for r in refused} == {(454, "4.7.0")}
    assert len(refused) < 200


async def test_a_hash_of_other_parameters_is_renewed(world):
    """At the first login that holds; one that does not changes nothing."""
    stronger = Hasher(Cost(passes=2, memory=16, lanes=1), workers=1, queue=1)
    login = world.login_over(world.store, stronger)
    before = await world.store.credential("anna@a.example", ARGON2ID)
    with pytest.raises(Unauthenticated):
        await login.authenticate("anna@a.example", "wrong", peer="192.0.2.1", service="imap")
    assert await world.store.credential("anna@a.example", ARGON2ID) == before
    await login.authenticate("anna@a.example", "correct horse", peer="192.0.2.1", service="imap")
    after = await world.store.credential("anna@a.example", ARGON2ID)
    assert not stronger.stale(after.value)
    assert after.value != before.value
    await login.authenticate("anna@a.example", "correct horse", peer="192.0.2.1", service="imap")
    assert await world.store.credential("anna@a.example", ARGON2ID) == after
    stronger.close()


async def test_that_a_hash_cannot_be_renewed_keeps_nobody_out(world):
    """A full queue for the second hash is no reason to refuse a password that held."""
    stronger = Hasher(Cost(passes=2, memory=16, lanes=1), workers=1, queue=0)

    async def no_room(password):
        raise Exhausted("full", code=454, enhanced="4.7.0")

    stronger.hash = no_room
    login = world.login_over(world.store, stronger)
    found = await login.authenticate("anna@a.example", "correct horse", peer="192.0.2.1", service="imap")
    assert found.login == "anna@a.example"
    stronger.close()


@pytest.mark.parametrize(("peer", "service"), [("192.0.2.1\r\nX", "imap"), ("1" * 65, "imap"), ("", "ftp")])
async def test_callers_that_make_no_sense(world, peer, service):
    """CASES E16: what another pod sends is looked at too."""
    with pytest.raises(Invalid):
        await world.login.authenticate("anna@a.example", "x", peer=peer, service=service)


async def test_the_log_knows_no_login_and_no_password(world):
    """CASES L8: who typed a password into the wrong field does not read it in our log."""
    with capture_logs() as lines:
        for login, password in (("hunter2hunter2", "x"), ("anna@a.example", "hunter2hunter2")):
            with pytest.raises(Unauthenticated):
                await world.check(login, password)
    assert len(lines) == 2
    assert "hunter2" not in repr(lines)
    assert lines[1]["account"] == (await world.store.account("anna@a.example")).id


def test_the_light_parameters_are_for_tests_only():
    """What a pod uses unless told otherwise is the second recommended option of RFC 9106 4."""
    assert Cost() == Cost(passes=3, memory=65536, lanes=4)
    assert Cost() != LIGHT
