"""Who is woken, and what is compared."""

import asyncio

import pytest

from services.gateway.imap.watch import EVERYTHING, MANY, SEVERAL, Watch
from yubin.errors import Unavailable
from yubin.mailboxes.hints import Hint, MemoryHints


class Pod:
    """Mailboxes with a MODSEQ each; counts how often it is asked."""

    def __init__(self):
        self.modseqs, self.asked, self.away = {}, [], False

    async def compare(self, items):
        self.asked.append(items)
        if self.away:
            raise Unavailable("away")
        return [(self.modseqs[m], 1) if m in self.modseqs else None for _, m in items]


@pytest.fixture
def pod():
    return Pod()


@pytest.fixture
def watch(pod):
    return Watch(MemoryHints(), pod.compare)


def enter(watch, account="anna"):
    nudges = []
    return watch.enter(account, lambda: f"token of {account}", lambda: nudges.append(1)), nudges


def test_who_does_not_wait_is_not_woken(watch):
    """The news are there when it looks."""
    one, nudges = enter(watch)
    watch.hints.publish("anna", 1, 0, 0)
    assert (nudges, one.news) == ([], {1})
    one.listen({1: 0})
    assert nudges == [1]


def test_a_hint_about_what_is_known(watch):
    """An old MODSEQ, another mailbox, another account: nothing."""
    one, nudges = enter(watch)
    one.listen({1: 7})
    watch.hints.publish("anna", 1, 7, 0)
    watch.hints.publish("anna", 2, 9, 0)
    watch.hints.publish("bob", 1, 9, 0)
    assert nudges == []
    watch.hints.publish("anna", 1, 8, 0)
    assert nudges == [1]


def test_news_of_mailboxes_that_do_not_matter_any_longer(watch):
    """They wake nobody, again and again, when a session begins to wait."""
    one, nudges = enter(watch)
    watch.hints.publish("anna", 2, 0, 0)
    one.listen({1: 7})
    assert nudges == []


def test_news_are_bounded(watch):
    """I7: beyond a thousand mailboxes it is all of them."""
    one, _ = enter(watch)
    for mailbox_id in range(1, MANY + 10):
        watch.hints.publish("anna", mailbox_id, 0, 0)
    assert len(one.news) < MANY
    assert one.heard_of(5)


async def test_each_mailbox_is_compared_once(watch, pod):
    """Two sessions of one account, and another account; only what has changed, or is gone, is told."""
    pod.modseqs = {1: 8}
    sessions = [enter(watch), enter(watch), enter(watch, "bob")]
    for one, _ in sessions:
        one.listen({1: 8, 3: 1} if one is sessions[0][0] else {1: 7})
    await watch.round()
    ((*items,),) = pod.asked
    assert sorted(items) == [("token of anna", 1), ("token of anna", 3), ("token of bob", 1)]
    assert [one.news for one, _ in sessions] == [{3}, {1}, {1}]


async def test_a_mailbox_pod_that_is_away(watch, pod):
    """The next round asks again."""
    one, nudges = enter(watch)
    one.listen({1: 7})
    pod.away, pod.modseqs = True, {1: 8}
    await watch.round()
    assert nudges == []
    pod.away = False
    await watch.round()
    assert nudges == [1]


async def test_soon_after_a_pod_is_back(watch, pod, monkeypatch):
    """CASES H11: one that died has hinted at nothing; nobody waits for a whole interval more."""
    monkeypatch.setattr("services.gateway.imap.watch.AGAIN", 0.01)
    heard = asyncio.Event()
    one = watch.enter("anna", lambda: "token", heard.set)
    one.listen({1: 7})
    pod.away, pod.modseqs = True, {1: 8}
    running = asyncio.create_task(watch.run(3600))
    watch.soon()
    async with asyncio.timeout(5):
        while len(pod.asked) < 3:
            await asyncio.sleep(0)
        pod.away = False
        await heard.wait()
    running.cancel()


async def test_who_listens_for_everything_while_a_pod_is_away(watch, pod):
    """It is not made to look before there is somebody to ask."""
    one, nudges = enter(watch)
    one.listen({}, every=True)
    enter(watch)[0].listen({1: 7})
    pod.away = True
    await watch.round()
    assert nudges == []
    pod.away = False
    await watch.round()
    assert nudges == [1]


async def test_who_has_left(watch, pod):
    """Neither hints nor comparisons know it any longer."""
    one, nudges = enter(watch)
    one.listen({1: 7})
    one.close()
    watch.hints.publish("anna", 1, 8, 0)
    await watch.round()
    assert (nudges, pod.asked) == ([], [])


async def test_who_listens_for_everything(watch, pod):
    """NOTIFY: every hint of the account, also of mailboxes that are new; a round makes it look by itself."""
    one, nudges = enter(watch)
    one.listen({}, every=True)
    watch.hints.publish("anna", 99, 0, 0)
    assert one.news == {99}
    await watch.round()
    assert one.news == {99, EVERYTHING}
    assert len(nudges) == 2
    assert pod.asked == []


def test_a_hint_without_a_mailbox(watch):
    """NATS is back: nobody is woken, the next round comes at once."""
    one, nudges = enter(watch)
    one.listen({1: 7})
    one.heard(Hint(account="anna", mailbox_id=EVERYTHING))
    assert nudges == []
    assert watch._soon.is_set()


# ── what is known ──


def enter_knowing(watch, *modseqs):
    """Of mailbox 1 a session knows these; what is put there later too."""
    known, nudges = set(modseqs), []
    one = watch.enter("anna", lambda: "", lambda: nudges.append(1), lambda box, m: box == 1 and m in known)
    return one, known, nudges


def test_a_hint_of_an_own_change(watch):
    """Behind our call or before its answer, it is no reason to look; and it stays, for who begins to listen."""
    one, known, nudges = enter_knowing(watch, 5)
    watch.hints.publish("anna", 1, 5, 0)
    assert not one.heard_of(1)
    watch.hints.publish("anna", 1, 6, 0)
    watch.hints.publish("anna", 1, 7, 0)
    assert one.heard_of(1)
    known.update((6, 7))
    assert not one.heard_of(1)
    one.listen({1: 6})
    assert nudges == [1]


def test_a_hint_of_another_beside_ours(watch):
    """Neither is forgotten for the other, in any order; one that tells no MODSEQ is always news."""
    for first, second in ((5, 8), (8, 5), (0, 5), (5, 0)):
        one, _, _ = enter_knowing(watch, 5)
        watch.hints.publish("anna", 1, first, 0)
        watch.hints.publish("anna", 1, second, 0)
        assert one.heard_of(1), (first, second)
        one.looked(1)
        assert not one.heard_of(1)
        one.close()


def test_more_hints_than_are_remembered(watch):
    """I7: then they are news, whoever made them."""
    one, known, _ = enter_knowing(watch)
    for modseq in range(1, SEVERAL + 2):
        watch.hints.publish("anna", 1, modseq, 0)
    known.update(range(100))
    assert one.heard_of(1)


def test_hints_of_what_a_listener_knows(watch):
    """What it heard before and knows up to there by now wakes nobody."""
    one, _, nudges = enter_knowing(watch)
    watch.hints.publish("anna", 1, 7, 0)
    one.listen({1: 7})
    assert (nudges, one.news) == ([], set())
