"""Passwords: how they are read, and how they are hashed without standing in anybody's way."""

import asyncio
import threading
import time

import pytest
from argon2 import extract_parameters

from services.directory.passwords import Cost, Hasher, acceptable, opaque
from tests.unit.accounts.directory import LIGHT
from yubin.errors import Exhausted, Invalid


@pytest.fixture
def hasher():
    made = Hasher(LIGHT, workers=2, queue=4)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("correct horse", "correct horse"),
        ("ｐａｓｓｗｏｒｄ", "password"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("パスワード", "パスワード"),
        ("ﾊﾟｽﾜｰﾄﾞ", "パスワード"),
        ("a\u00a0b\u3000c", "a b c"),
        ("Case Sensitive", "Case Sensitive"),
        ("", ""),
    ],
)
def test_one_password_however_it_is_typed(typed, read):
    """Composed or not, full-width or half-width, whatever the space (RFC 8265 4.2.2, RFC 4013 2)."""
    assert opaque(typed) == read


@pytest.mark.parametrize(
    "typed",
    ["a\0bcdefghi", "line\r\nbreak", "\x1b[2J clear", "\x7f" * 9, "\ud800abcdefgh", "x" * 1025, "é" * 513],
)
def test_what_cannot_be_a_password(typed):
    """CASES F9, E16: NUL, controls, surrogates and what is longer than 1024 bytes."""
    with pytest.raises(Invalid):
        opaque(typed)


def test_a_new_password_has_8_to_1024_bytes():
    """Counted in UTF-8: three kanji are nine."""
    assert acceptable("郵便局") == "郵便局"
    assert acceptable("x" * 1024)
    for bad in ("", "1234567", "郵便"):
        with pytest.raises(Invalid):
            acceptable(bad)


async def test_a_hash_holds_for_its_password_only(hasher):
    """And nothing that is in the store breaks the check."""
    encoded = await hasher.hash("correct horse")
    assert encoded.startswith("$argon2id$")
    assert await hasher.verify(encoded, "correct horse")
    assert not await hasher.verify(encoded, "Correct horse")
    for broken in ("", "plain", "$argon2id$v=19$m=8,t=1,p=1$AAAA", "$2b$12$abc"):
        assert not await hasher.verify(broken, "correct horse")


async def test_the_decoy_has_the_parameters_of_a_real_hash(hasher):
    """What an unknown login costs is what a known one costs."""
    assert extract_parameters(hasher.decoy) == extract_parameters(await hasher.hash("x"))
    assert not hasher.stale(hasher.decoy)
    other = Hasher(Cost(passes=2, memory=8, lanes=1), workers=1, queue=0)
    assert other.stale(hasher.decoy)
    other.close()


async def test_beyond_the_queue_nobody_waits(hasher):
    """CASES F11: as many as run and may wait are served, the rest hear 454 4.7.0 at once, and room comes back."""
    gate = threading.Event()
    busy = [asyncio.ensure_future(hasher.run(gate.wait)) for _ in range(6)]
    await asyncio.sleep(0)
    results = await asyncio.gather(
        *(hasher.verify(hasher.decoy, "x") for _ in range(194)), return_exceptions=True
    )
    assert {type(r) for r in results} == {Exhausted}
    assert {(r.code, r.enhanced) for r in results} == {(454, "4.7.0")}
    gate.set()
    await asyncio.gather(*busy)
    assert await asyncio.gather(*(hasher.verify(hasher.decoy, "x") for _ in range(6))) == [False] * 6


async def test_a_check_that_nobody_waits_for_is_not_made():
    """Whoever leaves while waiting gives the room back, and the thread no work."""
    hasher = Hasher(Cost(passes=20, memory=8192, lanes=1), workers=1, queue=3)
    running, *waiting = [asyncio.ensure_future(hasher.verify(hasher.decoy, "x")) for _ in range(4)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    again = [asyncio.ensure_future(hasher.verify(hasher.decoy, "x")) for _ in range(3)]
    assert await asyncio.gather(running, *again) == [False] * 4
    hasher.close()


@pytest.mark.alone
async def test_the_loop_runs_on_while_passwords_are_hashed():
    """CASES F11: 200 at once with the parameters of RFC 9106, and the loop is never later than 100 ms."""
    hasher = Hasher(Cost(), workers=2, queue=6)
    late = []

    async def watch():
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append(time.perf_counter() - before - 0.005)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(hasher.verify(hasher.decoy, "x") for _ in range(200)), return_exceptions=True)
    watcher.cancel()
    assert len(late) > 10
    assert max(late) < 0.1
    hasher.close()
