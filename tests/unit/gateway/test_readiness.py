"""When a gateway is ready."""

import asyncio

import pytest

from services.gateway import readiness
from services.gateway.readiness import Answers, check
from yubin.errors import Denied, Unavailable


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Peer:
    """A pod that answers, or fails."""

    def __init__(self):
        self.failure = None

    async def ask(self):
        if self.failure is not None:
            raise self.failure


@pytest.mark.parametrize("failure", [Unavailable("away"), Denied("not you")])
async def test_not_before_it_has_answered_once(failure):
    """A gateway that has never found a pod takes nobody in, however short it is."""
    peer, clock = Peer(), Clock()
    probe = Answers(peer.ask, clock=clock).probe
    peer.failure = failure
    with pytest.raises(type(failure)):
        await probe()
    peer.failure = None
    await probe()
    peer.failure = failure
    await probe()


async def test_a_pause_is_no_reason():
    """CASES H11: who connects while a pod is away waits as the others do; it is unready when they would wait no more."""
    peer, clock = Peer(), Clock()
    probe = Answers(peer.ask, patience=30.0, clock=clock).probe
    await probe()
    peer.failure = Unavailable("away")
    clock.now += 29.9
    await probe()
    clock.now += 0.1
    with pytest.raises(Unavailable):
        await probe()
    peer.failure = None
    await probe()
    peer.failure = Unavailable("away again")
    clock.now += 29.9
    await probe()


async def test_who_never_answers_is_away(monkeypatch):
    """A call that hangs is given up before the probe is."""
    monkeypatch.setattr(readiness, "DEADLINE", 0.01)
    with pytest.raises(TimeoutError):
        await Answers(lambda: asyncio.sleep(3600)).probe()


async def test_both_are_asked_for_nobody():
    """The directory and the mailbox pods, each under its name, with a session that is none."""
    asked, probes = [], {}

    class House:
        def check(self, name, probe):
            probes[name] = probe

        async def renew(self, sessions):
            asked.append(list(sessions))
            return ("",)

    async def compare(items):
        asked.append(list(items))
        return [None]

    check(House(), House(), compare)
    for probe in probes.values():
        await probe()
    assert list(probes) == ["directory", "mailbox"]
    assert asked == [[""], [("", 0)]]
