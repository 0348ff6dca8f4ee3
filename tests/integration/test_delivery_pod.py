"""The delivery pod as the process that runs in a cluster: stopped, killed, frozen and doubled while letters are on the wire."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter

import pytest

from tests.integration.delivery import street, until
from tests.servers.smtp_sink import Do, Sink
from yubin.queue.port import EventKind, Outcome, Selection, State

pytestmark = pytest.mark.timeout(120)


def doubles(sink: Sink) -> list[str]:
    return [name for name, n in Counter(r.rcpts[0] for r in sink.letters).items() if n > 1]


async def only_row(ledger):
    (view,) = await ledger.list(Selection(), limit=10)
    return view


async def test_sigterm_finishes_what_is_on_the_wire_and_keeps_nothing(tmp_path, dns_server):
    """CASES A15, B17 in small, DESIGN I6: SIGTERM under load: nothing lost, nothing twice, no lease left behind."""
    async with (
        Sink(script={"dot": lambda _: Do(reply="250 ok", delay=0.4)}) as sink,
        street(tmp_path, dns_server, sink.port) as town,
    ):
        for i in range(150):
            await town.accept(f"u{i}@theirs.example")
        first = await town.pod(ready=False)
        await until(lambda: len(sink.letters) >= 3, 20, lambda: first.log)
        assert await first.stop() == 0
        rows = await town.ledger.list(Selection(), limit=100)
        assert rows
        assert {row.state for row in rows} <= {State.READY, State.DEFERRED}
        assert not [row for row in rows if row.in_doubt or row.crashes]
        await town.pod()
        await until(lambda: _none_waits(town), 40)
        assert len(sink.letters) == 150
        assert doubles(sink) == []


async def _none_waits(town) -> bool:
    return await town.waiting() == 0


async def test_a_stop_gives_back_at_once_what_it_cannot_finish(tmp_path, dns_server):
    """DESIGN I6: when the grace is over, what was not begun is ready; what may have been sent waits in doubt."""
    script = {"banner": lambda _: Do(delay=60), "dot": lambda _: Do(hang=True)}
    async with Sink(script={"dot": script["dot"]}) as sink, street(tmp_path, dns_server, sink.port) as town:
        slow = Sink(script={"banner": script["banner"]}, address="127.0.0.2", port=sink.port)
        async with slow:
            sent = await town.accept("u@theirs.example")
            unsent = await town.accept("u@others.example")
            pod = await town.pod(YUBIN_GRACE="1")
            await until(lambda: "DATA" in sink.commands and slow.connections, 20, lambda: pod.log)
            await asyncio.sleep(0.5)
            assert await pod.stop() == 0
        (doubtful,) = (await town.ledger.track(sent.id)).deliveries
        assert (doubtful.state, doubtful.in_doubt, doubtful.crashes) == (State.DEFERRED, True, 0)
        (ready,) = (await town.ledger.track(unsent.id)).deliveries
        assert (ready.state, ready.attempts, ready.crashes) == (State.READY, 0, 0)
        assert ready.due < doubtful.due - 200


async def test_killed_between_mark_and_finish_is_in_doubt_and_comes_back_when_due(tmp_path, dns_server):
    """DESIGN I5: kill -9 behind the dot: the row is in doubt, waits for its due time, and is sent then."""
    async with Sink() as sink, street(tmp_path, dns_server, sink.port) as town:
        message = await town.accept("u@theirs.example")
        pod = await town.pod(ready=False, YUBIN_FAULT="delivery.before_finish")
        assert await pod.ended() == -signal.SIGKILL
        assert len(sink.letters) == 1
        row = await only_row(town.ledger)
        assert (row.state, row.in_doubt) == (State.SENDING, True)
        town.change("UPDATE delivery SET lease_until = ?", time.time() - 1)
        second = await town.pod()
        await until(lambda: _crashed(town), 20, lambda: second.log)
        lost = await only_row(town.ledger)
        assert (lost.state, lost.in_doubt, lost.due) == (State.DEFERRED, True, row.due)  # five minutes
        due = time.time() + 2
        town.change("UPDATE delivery SET due = ?", due)
        await until(lambda: _none_waits(town), 20, lambda: second.log)
        assert len(sink.letters) == 2
        assert sink.letters[1].at >= due
        assert sink.letters[0].body == sink.letters[1].body
        ends = [e for e in (await town.ledger.track(message.id)).events if e.kind is EventKind.DELIVERED]
        assert len(ends) == 1


async def test_two_pods_never_send_one_row_twice(tmp_path, dns_server):
    """DESIGN I2: two processes on one ledger, 200 letters: each is claimed by one of them, and both have work."""
    async with Sink() as sink, street(tmp_path, dns_server, sink.port) as town:
        pods = [await town.pod(), await town.pod()]
        for i in range(200):
            await town.accept(f"u{i}@{'theirs' if i % 2 else 'ours'}.example")
        await until(lambda: _none_waits(town), 40, lambda: pods[0].log + pods[1].log)
        assert len(sink.letters) == 200
        assert doubles(sink) == []
        assert all(pod.metric("yubin_delivery_recipients_total") for pod in pods)


@pytest.mark.parametrize("phase", ["rcpt", "dot"])
async def test_a_frozen_pod_is_fenced_when_it_wakes(tmp_path, dns_server, phase):
    """CASES B7 in small: SIGSTOP beyond the lease, CONT: no second letter unless the dot had been sent before.

    At ``rcpt`` the frozen pod wakes in the middle of an envelope and must not send DATA; at ``dot`` it had sent the
    whole letter: its late 250 is written all the same, and no other pod sends the letter meanwhile.
    """
    held = {"rcpt": [Do(reply="250 ok", delay=3.0)], "dot": [Do(reply="250 ok", delay=3.0)]}
    async with (
        Sink(script={phase: held[phase]}) as sink,
        street(tmp_path, dns_server, sink.port) as town,
    ):
        message = await town.accept("u@theirs.example")
        frozen = await town.pod(ready=False)
        word = "RCPT" if phase == "rcpt" else "DATA"
        await until(lambda: any(c.startswith(word) for c in sink.commands), 20, lambda: frozen.log)
        await asyncio.sleep(0.5)  # the letter's last octets are on their way
        frozen.send(signal.SIGSTOP)
        other = await town.pod()
        await until(lambda: _crashed(town), 30, lambda: other.log)
        frozen.send(signal.SIGCONT)
        if phase == "dot":
            await until(lambda: _none_waits(town), 10, lambda: frozen.log)
        else:
            await asyncio.sleep(2)
            assert "too little is left of the lease" in frozen.log or "no longer ours" in frozen.log
            assert not sink.letters
            await town.ledger.flush(Selection())
            await until(lambda: _none_waits(town), 10, lambda: other.log)
        assert len(sink.letters) == 1
        track = await town.ledger.track(message.id)
        assert track.deliveries[0].recipients[0].outcome is Outcome.DELIVERED
        assert frozen.process.poll() is None


async def _crashed(town) -> bool:
    rows = await town.ledger.list(Selection(), limit=10)
    return bool(rows) and rows[0].crashes == 1
