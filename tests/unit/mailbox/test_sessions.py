"""Tokens are checked here, with keys that are fetched now and then, and not whenever a stranger wants it."""

import asyncio

import pytest

from services.mailbox.sessions import SOONEST, Tokens
from tests.integration.mailbox import Keys
from yubin.accounts.session import SessionSigner
from yubin.errors import Unauthenticated, Unavailable

OLD, NEW = SessionSigner(b"the old secret 16"), SessionSigner(b"the new secret 16")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


async def test_a_token_of_the_directory_holds(clock):
    """The keys come with the first token, if not before, and once for many."""
    keys = Keys(OLD)
    tokens = Tokens(keys, clock=clock)
    claims = await asyncio.gather(*(tokens.check(OLD.issue("anna", 7)) for _ in range(10)))
    assert {(c.account, c.quota) for c in claims} == {("anna", 7)}
    assert keys.asked == 1


async def test_a_new_key_is_found_at_once(clock):
    """CASES L7: a directory that signs with another secret is believed within seconds, and the old tokens still."""
    keys = Keys(OLD)
    tokens = Tokens(keys, clock=clock)
    await tokens.check(OLD.issue("anna", 0))
    keys.public.append(NEW.public)
    clock.now += SOONEST
    assert (await tokens.check(NEW.issue("bob", 0))).account == "bob"
    assert (await tokens.check(OLD.issue("anna", 0))).account == "anna"


async def test_strangers_do_not_make_it_ask(clock):
    """CASES F7: a flood of tokens that hold with no key asks the directory once in five seconds."""
    keys = Keys(OLD)
    tokens = Tokens(keys, clock=clock)
    await tokens.check(OLD.issue("anna", 0))
    for _ in range(100):
        with pytest.raises(Unauthenticated):
            await tokens.check(NEW.issue("anna", 0))
        clock.now += 0.1
    assert keys.asked <= 3


async def test_a_directory_that_is_away_changes_nothing(clock):
    """Keys that are here stay; where there are none yet, nobody is told that his session had ended."""
    keys = Keys(OLD)
    keys.away = Unavailable("away")
    tokens = Tokens(keys, clock=clock)
    with pytest.raises(Unavailable):
        await tokens.check(OLD.issue("anna", 0))
    keys.away = None
    clock.now += SOONEST
    assert await tokens.check(OLD.issue("anna", 0))
    keys.away = Unavailable("away")
    clock.now += 3600
    await tokens.refresh()
    assert await tokens.check(OLD.issue("anna", 0))


async def test_a_token_ends(clock):
    """A session that was good a moment ago is not, once its time is over."""
    wall = Clock()
    signer = SessionSigner(b"the old secret 16", lasts=900, clock=wall)
    tokens = Tokens(Keys(signer), clock=clock, wall=wall)
    token = signer.issue("anna", 0)
    await tokens.check(token)
    wall.now += 901
    with pytest.raises(Unauthenticated):
        await tokens.check(token)
