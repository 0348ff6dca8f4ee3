"""The mailboxes' contract: accounts that were deleted for good, and what comes for them all the same."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.mailboxes import KEN, MARI, large, letter, put
from yubin.ids import uuid7
from yubin.mailboxes.port import How, Usage, Word
from yubin.mailboxes.rules import GONE, GONE_FOR


async def sweep(mailboxes):
    """Until nothing is left to do, with nobody looking on (a look makes an account); the objects that are nobody's any more."""
    return {name for _ in range(4) for name in await mailboxes.plain.sweep(100)}


async def test_what_comes_after_an_account_is_gone_is_swept(mailboxes):
    """A delivery that was under way, a flag, a search by a session that was open: all of it goes when the lease ends, with
    its objects, and not before; another account keeps its own.
    """
    first, late, kept = letter(), large(), replace(large(), account=KEN)
    await put(mailboxes, first)
    await mailboxes.store.forget(MARI)
    assert await mailboxes.store.lease(MARI, GONE, "api", GONE_FOR)
    assert await sweep(mailboxes) == set()
    (place,) = await put(mailboxes, late)
    await put(mailboxes, kept)
    await mailboxes.store.store(MARI, 1, [place.uid], How.ADD, frozenset({"\\Seen", "$Late"}))
    await mailboxes.store.match(MARI, 1, [Word(text="tea")])
    await mailboxes.sleep(GONE_FOR - 10)
    assert await sweep(mailboxes) == set()
    assert (await mailboxes.store.usage([MARI]))[MARI].messages == 1
    await mailboxes.sleep(20)
    assert await sweep(mailboxes) == {late.object}
    assert await mailboxes.store.usage([MARI]) == {MARI: Usage()}
    assert await mailboxes.store.modseqs([(MARI, 1)]) == {}
    assert await mailboxes.store.objects_known([late.object, kept.object]) == {kept.object}
    assert (await mailboxes.store.usage([KEN]))[KEN].messages == 1
    assert await mailboxes.store.backlog() == 1


async def test_an_account_that_is_only_forgotten_stays_when_it_comes_again(mailboxes):
    """Without the lease (its removal failed, and it was enabled again) nothing of its new life is taken."""
    await put(mailboxes, letter())
    await mailboxes.store.forget(MARI)
    await put(mailboxes, letter(delivery_id=uuid7()))
    await mailboxes.sleep(GONE_FOR * 2)
    await sweep(mailboxes)
    assert (await mailboxes.store.usage([MARI]))[MARI].messages == 1


async def test_forgotten_at_once_takes_the_lease_along(mailboxes):
    """Forget ends every lease, that one too: who comes again afterwards is not swept."""
    await mailboxes.store.lease(MARI, GONE, "api", GONE_FOR)
    await mailboxes.store.forget(MARI)
    await put(mailboxes, letter())
    await mailboxes.sleep(GONE_FOR + 1)
    await sweep(mailboxes)
    assert (await mailboxes.store.usage([MARI]))[MARI].messages == 1
