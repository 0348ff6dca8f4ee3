"""Sessions as the directory gives, renews and ends them."""

import asyncio

import pytest

from services.directory.sessions import DirectorySessions
from tests.unit.accounts.directory import World
from yubin.accounts.port import Limits
from yubin.accounts.session import SessionSigner, SessionVerifier
from yubin.errors import Invalid, NotFound


@pytest.fixture
async def world():
    made = World()
    await made.people("anna@a.example", "bert@a.example")
    made.signer = SessionSigner(b"s" * 32, clock=made.clock)
    made.sessions = DirectorySessions(made.store, made.signer)
    made.sessions._verifier = SessionVerifier([made.signer.public], entries=1, clock=made.clock)
    made.verifier = SessionVerifier([made.signer.public], clock=made.clock)
    yield made
    made.close()


async def given(world, login="anna@a.example"):
    return world.sessions.given(await world.check(login)).session


async def test_who_logs_in_gets_a_token(world):
    """For the own account, with its quota; it is in no repr (CASES L8)."""
    await world.admin.update_account("anna@a.example", limits=Limits(quota=7))
    identity = world.sessions.given(await world.check("anna@a.example"))
    claims = world.verifier.check(identity.session)
    assert (claims.account, claims.quota) == (identity.account, 7)
    assert (identity.session_for, claims.until) == (900.0, world.clock.now + 900)
    assert identity.session not in repr(identity)


async def test_a_session_lives_as_long_as_its_account(world):
    """Renewed before its end with the quota of today; disabled, deleted, ended or forged: no more of it."""
    anna, bert = await given(world), await given(world, "bert@a.example")
    world.clock.now += 899
    await world.admin.update_account("anna@a.example", limits=Limits(quota=9))
    await world.admin.update_account("bert@a.example", enabled=False)
    forged = SessionSigner(b"f" * 32, clock=world.clock).issue("x", 0)
    renewed = await world.sessions.renew([anna, bert, "nonsense", anna, forged])
    assert [bool(token) for token in renewed] == [True, False, False, True, False]
    claims = world.verifier.check(renewed[0])
    assert (claims.quota, claims.until) == (9, world.clock.now + 900)
    world.clock.now += 2
    assert await world.sessions.renew([anna]) == ("",)
    await world.admin.delete_account("anna@a.example")
    assert await world.sessions.renew([renewed[0]]) == ("",)
    await world.admin.create_account("anna@a.example", "another person")
    assert await world.sessions.renew([renewed[0]]) == ("",), "the successor is somebody else"


async def test_a_thousand_sessions_are_renewed_and_others_run_meanwhile(world):
    """The event loop has its turns between signatures; a thousand and one are refused."""
    token = await given(world)
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    renewed = await world.sessions.renew([token] * 1000)
    running.cancel()
    assert all(renewed)
    assert turns >= 40
    with pytest.raises(Invalid):
        await world.sessions.renew([token] * 1001)


async def test_an_operator_opens_a_mailbox(world):
    """By address as typed, a disabled one's too; nobody's is not found."""
    await world.admin.update_account("anna@a.example", enabled=False)
    account, token = await world.sessions.open("Anna@A.example")
    assert world.verifier.check(token).account == account.id
    assert account.address == "anna@a.example"
    with pytest.raises(NotFound):
        await world.sessions.open("nobody@a.example")
    assert await world.sessions.keys() == (world.signer.public,)
