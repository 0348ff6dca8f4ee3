"""SCRAM in the directory: two calls, any two pods, no replay, and nothing to learn about who exists."""

import base64

import pytest
from structlog.testing import capture_logs

from tests.unit.accounts.directory import SECRET, World
from tests.unit.sasl.scram_client import ScramClient
from yubin.accounts.port import ARGON2ID, SCRAM
from yubin.errors import Exhausted, Invalid, Unauthenticated, Unavailable

PEER = {"peer": "192.0.2.1", "service": "imap"}


@pytest.fixture
async def world():
    made = World(seal=SECRET)
    await made.people("anna@a.example", "bert@a.example")
    await made.admin.update_domain("a.example", scram=True)
    await made.admin.set_password("anna@a.example", "correct horse")
    yield made
    made.close()


async def exchange(world, login="anna@a.example", password="correct horse", *, pods=None, **options):
    """What the second call answers; the client has checked the server."""
    first, second = pods or (world.scram, world.scram)
    client = ScramClient(login, password, **options)
    offer = await first.scram_first(client.first(), **PEER)
    proven = await second.scram_final(client.final(offer.message), offer.state, **PEER)
    assert client.trusts(proven.message)
    return proven.who


async def refused(world, *args, **options):
    with pytest.raises(Unauthenticated) as failure:
        await exchange(world, *args, **options)
    assert str(failure.value) == "535 5.7.8 Authentication credentials invalid"


async def test_a_password_that_is_never_sent(world):
    """RFC 5802: who knows it is let in, in whatever case the address is typed, and knows that we know it."""
    for typed in ("anna@a.example", "Anna@A.EXAMPLE"):
        assert (await exchange(world, typed)).login == "anna@a.example"


async def test_any_pod_answers_the_second_half(world):
    """DESIGN I6: the state travels; a pod with another secret cannot read it."""
    other = world.scram_pod()
    assert (await exchange(world, pods=(world.scram, other))).login == "anna@a.example"
    await refused(world, pods=(world.scram, world.scram_pod(b"x" * 32)))


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("anna@a.example", "wrong horse"),
        ("bert@a.example", "correct horse"),  # set before the domain allowed it, and not used since
        ("nobody@a.example", "correct horse"),
        ("anna@b.example", "correct horse"),
        ("no address", "correct horse"),
    ],
)
async def test_whatever_does_not_hold_is_answered_alike(world, login, password):
    """CASES F9, F10: the same two steps and the same words, whoever exists."""
    await refused(world, login, password)


async def test_an_offer_tells_nobody_who_exists(world):
    """RFC 5802 9: to a login that is unknown the same salt is shown each time, of the same length, with the same cost."""

    async def offered(login):
        offer = await world.scram.scram_first(ScramClient(login, "x").first(), **PEER)
        nonce, salt, cost = offer.message.decode().split(",")
        return len(nonce), salt, cost

    anna, nobody, other = [await offered(f"{name}@a.example") for name in ("anna", "nobody", "other")]
    assert await offered("nobody@a.example") == nobody
    assert await offered("Nobody@A.example") == nobody
    assert nobody[1] != other[1]
    assert anna[0] == nobody[0]
    assert anna[2] == nobody[2] == "i=4096"
    assert len(base64.b64decode(anna[1][2:])) == len(base64.b64decode(nobody[1][2:])) == 16


async def test_a_replay_proves_nothing(world):
    """CASES F10: neither in another exchange, nor the whole second half once more."""
    client = ScramClient("anna@a.example", "correct horse")
    offer = await world.scram.scram_first(client.first(), **PEER)
    final = client.final(offer.message)
    assert (await world.scram.scram_final(final, offer.state, **PEER)).who.login == "anna@a.example"
    again = await world.scram.scram_first(client.first(), **PEER)
    for state in (offer.state, again.state):
        with pytest.raises(Unauthenticated):
            await world.scram.scram_final(final, state, **PEER)


async def test_a_state_holds_for_a_minute_and_for_one_client(world):
    """CASES F10: not later, not from another peer, not for another service, and not when it is not ours."""
    client = ScramClient("anna@a.example", "correct horse")
    offer = await world.scram.scram_first(client.first(), **PEER)
    final = client.final(offer.message)
    for state, change in (
        (offer.state, {"peer": "192.0.2.2"}),
        (offer.state, {"service": "pop3"}),
        (offer.state[:-1], {}),
        (b"", {}),
        (b"x" * 20_000, {}),
    ):
        with pytest.raises(Unauthenticated):
            await world.scram.scram_final(final, state, **PEER | change)
    world.clock.now += 61
    with pytest.raises(Unauthenticated):
        await world.scram.scram_final(final, offer.state, **PEER)


async def test_a_changed_password_and_a_disabled_account_count_at_once(world):
    """Also between the two halves."""
    client = ScramClient("anna@a.example", "correct horse")
    for change in (
        lambda: world.admin.set_password("anna@a.example", "another horse"),
        lambda: world.admin.update_account("anna@a.example", enabled=False),
    ):
        offer = await world.scram.scram_first(client.first(), **PEER)
        await change()
        with pytest.raises(Unauthenticated):
            await world.scram.scram_final(client.final(offer.message), offer.state, **PEER)
        await world.admin.set_password("anna@a.example", "correct horse")


async def test_guessing_is_throttled(world):
    """CASES F7: as with passwords; an offer costs nothing, a proof that fails does."""
    outcomes = {Unauthenticated: 0, Exhausted: 0}
    for n in range(50):
        with pytest.raises((Unauthenticated, Exhausted)) as failure:
            await exchange(world, password=f"guess {n}")
        outcomes[type(failure.value)] += 1
    assert outcomes == {Unauthenticated: 20, Exhausted: 30}


async def test_nobody_acts_for_another(world):
    """RFC 5802 5.1: the authzid may be one's own address only."""
    assert (await exchange(world, gs2="n,a=ANNA@a.example,")).login == "anna@a.example"
    await refused(world, gs2="n,a=bert@a.example,")
    with pytest.raises(Invalid):
        await world.scram.scram_first(b"n,,m=x,n=a,r=b", **PEER)


async def test_a_verifier_comes_with_the_next_login(world):
    """Of a password that was set before the domain allowed it; with other words it does not come."""
    with pytest.raises(Unauthenticated):
        await world.check("bert@a.example", "wrong")
    await refused(world, "bert@a.example")
    await world.check("bert@a.example")
    assert (await exchange(world, "bert@a.example")).login == "bert@a.example"


async def test_a_domain_that_takes_it_back_has_none(world):
    """The verifiers are forgotten, and a new password gets none."""
    await world.admin.update_domain("a.example", scram=False)
    await refused(world)
    await world.admin.set_password("anna@a.example", "correct horse")
    await world.check("anna@a.example")
    assert list((await world.store.holder("anna@a.example")).credentials) == [ARGON2ID]
    await world.admin.update_domain("a.example", scram=True)
    await refused(world)


async def test_a_verifier_never_outlives_its_password(world):
    """A login that is under way while the password changes does not bring the old one back."""
    read = (await world.store.holder("anna@a.example")).credentials
    await world.admin.set_password("anna@a.example", "another horse")
    old = await world.verifiers.make(read[ARGON2ID].account, "correct horse")
    assert not await world.store.join_credential(read[ARGON2ID], old)
    await refused(world)
    assert await exchange(world, password="another horse")


async def test_how_a_verifier_rests(world):
    """Sealed, and for one account: a row copied to another account does not open (CASES L8)."""
    credential = (await world.store.holder("anna@a.example")).credentials[SCRAM]
    verifier = world.verifiers.open(credential)
    assert base64.b64encode(verifier.stored_key).decode() not in credential.value
    bert = (await world.store.account("bert@a.example")).id
    await world.store.put_credentials("bert@a.example", {SCRAM: credential.value})
    with pytest.raises(Unavailable) as failure:
        await exchange(world, "bert@a.example")
    assert (failure.value.code, failure.value.enhanced) == (454, "4.7.0")
    assert bert != credential.account


async def test_without_a_key_it_rests_in_clear_and_is_sealed_later():
    """The operator's choice; at the next login behind a key it is sealed."""
    world = World()
    await world.people("anna@a.example")
    await world.admin.update_domain("a.example", scram=True)
    await world.admin.set_password("anna@a.example", "correct horse")
    clear = (await world.store.holder("anna@a.example")).credentials[SCRAM]
    assert clear.value.startswith("SCRAM-SHA-256$4096:")
    assert await exchange(world)
    sealing = World(seal=SECRET)
    assert sealing.verifiers.open(clear) == world.verifiers.open(clear)
    assert sealing.verifiers.stale(clear)
    assert not world.verifiers.stale(clear)
    world.close()
    sealing.close()


async def test_secrets_are_not_logged(world):
    """CASES L8: what is logged of an exchange names an account by its id."""
    with capture_logs() as logs:
        await exchange(world)
        await refused(world, password="wrong horse")
    assert [entry["action"] for entry in logs] == ["auth"]
    assert logs[0]["account"] == (await world.store.account("anna@a.example")).id
    assert "anna" not in str(logs)
    assert "horse" not in str(logs)
