"""Hints over a real nats-server: heard by who watches, lost without harm while it is away."""

import asyncio

import pytest

from tests.waiting import until
from yubin.mailboxes.hints import Hint
from yubin.mailboxes.hints_nats import GATHERED, open_hints
from yubin.runtime.certificates import issue


@pytest.fixture
async def both(nats_tls):
    """Two pods, connected: the one that publishes, and the one that watches."""
    files = [issue(nats_tls.credentials.ca.parent, pod) for pod in ("mailbox", "gateway")]
    made = [open_hints(nats_tls.url, ca=f.ca, cert=f.cert, key=f.key) for f in files]
    await until(lambda: all(hints._link.client for hints in made))
    yield made
    for hints in made:
        await hints.close()


async def heard_by(gateway, account):
    """A watcher that is known to the server: NATS has taken the subscription."""
    heard = []
    leave = gateway.watch(account, heard.append)
    await until(lambda: account in gateway._subscriptions)
    await gateway._link.client.flush()
    return heard, leave


async def test_a_hint_reaches_who_watches(both):
    """Only hints of the account that is watched, with what they say."""
    mailbox, gateway = both
    heard, _ = await heard_by(gateway, "anna")
    mailbox.publish("bob", 1, 5, 6)
    mailbox.publish("anna", 7, 2**63, 9)
    await until(lambda: heard)
    assert heard == [Hint(account="anna", mailbox_id=7, modseq=2**63, uidnext=9)]


async def test_who_has_left_hears_nothing(both):
    """Two watch one account; when one leaves the other goes on, when both have left nobody is asked to send."""
    mailbox, gateway = both
    first, leave_first = await heard_by(gateway, "anna")
    second, leave_second = await heard_by(gateway, "anna")
    leave_first()
    leave_first()
    mailbox.publish("anna", 1, 2, 3)
    await until(lambda: second)
    assert first == []
    leave_second()
    await until(lambda: gateway._subscriptions == {})


@pytest.mark.parametrize("account", ["a.b", "*", ">", "", "a b", "a\r\nPUB x 1"])
async def test_an_account_that_is_no_subject_is_not_published(both, account):
    """CASES L9: no name of an account becomes another subject or a command of NATS."""
    mailbox, gateway = both
    heard, _ = await heard_by(gateway, "anna")
    mailbox.publish(account, 1, 2, 3)
    mailbox.publish("anna", 1, 2, 3)
    await until(lambda: heard)
    assert heard == [Hint(account="anna", mailbox_id=1, modseq=2, uidnext=3)]


async def test_many_changes_are_few_messages(both):
    """The first hint goes at once; those behind it are gathered, the latest of each mailbox, and nothing of it is lost."""
    mailbox, gateway = both
    heard, _ = await heard_by(gateway, "anna")
    mailbox.publish("anna", 1, 1, 0)
    await until(lambda: heard, seconds=GATHERED * 0.8)
    for modseq in range(2, 100):
        mailbox.publish("anna", 1 + modseq % 2, modseq, 0)
        await asyncio.sleep(0)
    await until(lambda: len(heard) > 2)
    await asyncio.sleep(2 * GATHERED)
    assert sorted((hint.mailbox_id, hint.modseq) for hint in heard) == [(1, 1), (1, 98), (2, 99)]


async def test_what_is_gathered_when_the_pod_ends(both):
    """It is sent before the connection is closed."""
    mailbox, gateway = both
    heard, _ = await heard_by(gateway, "anna")
    mailbox.publish("anna", 1, 1, 0)
    await until(lambda: heard)
    mailbox.publish("anna", 1, 2, 0)
    await mailbox.close()
    await until(lambda: len(heard) == 2)
    assert heard[1].modseq == 2


async def test_a_server_that_goes_and_comes_back(both, nats_tls):
    """Publishing never fails; afterwards watchers are told to look at everything, and hear hints again."""
    mailbox, gateway = both
    heard, _ = await heard_by(gateway, "anna")
    nats_tls.kill()
    await until(lambda: mailbox._link.client is None and gateway._link.client is None)
    for n in range(100):
        mailbox.publish("anna", 1, n, n)
    await asyncio.sleep(0.05)
    assert heard == []
    nats_tls.start()
    await until(lambda: Hint(account="anna", mailbox_id=0) in heard)
    await until(lambda: mailbox._link.client and gateway._link.client)
    heard.clear()
    mailbox.publish("anna", 1, 5, 6)
    await until(lambda: heard)
    assert heard == [Hint(account="anna", mailbox_id=1, modseq=5, uidnext=6)]
