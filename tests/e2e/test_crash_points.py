"""SIGKILL at every crash point of submission and delivery. `make chaos` does the first with 25 rounds (docs/chaos.md)."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from tests.e2e import crash_points
from tests.e2e.crash_points import POINTS, Score, stage
from tests.integration.delivery import letter, street, until
from tests.integration.submission import ALICE
from tests.servers.smtp_sink import Sink
from yubin.queue.port import EventKind, Outcome, Selection

ROUNDS, ROUNDS_POSTGRES = 5, 2
DELIVERY_POINTS = (
    "delivery.after_claim",
    "delivery.before_finish",
    "delivery.after_finish",
    "delivery.after_report",
)


def nothing_is_lost(score: Score, rounds: int) -> None:
    assert score.kills == dict.fromkeys(POINTS, rounds)
    assert score.lost == []
    assert score.changed == []
    assert score.doubles == 0
    assert score.reported > 0
    assert score.orphans > 0
    assert (score.swept_young, score.orphans_left) == (0, 0)


@pytest.mark.timeout(300)
async def test_a_250_survives_every_crash_point(tmp_path):
    """CASES A1, SQLite: whatever got its 250 arrives once with an equal body, or in a DSN; orphans go after a day."""
    score = await crash_points.run(tmp_path, ROUNDS)
    print(score.line())
    nothing_is_lost(score, ROUNDS)


@pytest.mark.timeout(300)
async def test_a_250_survives_every_crash_point_with_postgres(tmp_path, postgres_dsn):
    """CASES A1, PostgreSQL."""
    score = await crash_points.run(tmp_path, ROUNDS_POSTGRES, postgres_dsn)
    print(score.line())
    nothing_is_lost(score, ROUNDS_POSTGRES)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("point", DELIVERY_POINTS)
async def test_delivery_dies_and_every_letter_ends_once(tmp_path, dns_server, point):
    """CASES B1 in small, DESIGN I5: only rows in doubt may be sent twice; a failure is reported by one DSN, whatever dies."""

    def refuses(argument: str) -> str | None:
        return "550 5.1.1 nobody" if "no" in argument else None

    async with Sink(script={"rcpt": refuses}) as sink, street(tmp_path, dns_server, sink.port) as town:
        doubtful: set[str] = set()
        letters = []
        for turn in range(1, 4):
            letters += [await town.accept(f"u{turn}-{i}@theirs.example") for i in range(8)]
            letters += [await town.accept(f"no{turn}-{i}@theirs.example") for i in range(2)]
            pod = await town.pod(ready=False, YUBIN_FAULT=f"{point}:{1 if 'report' in point else turn}")
            assert await pod.ended(60) == -signal.SIGKILL, pod.log
            rows = await town.ledger.list(Selection(), limit=1000)
            doubtful |= {r.address for row in rows if row.in_doubt for r in row.recipients}
            town.change("UPDATE delivery SET lease_until = ? WHERE state = 'sending'", 1.0)
            healer = await town.pod(ready=False)
            await until(lambda: _over(town), 40, lambda pod=healer: pod.log)
            assert await healer.stop() == 0
        sent = Counter(r.rcpts[0] for r in sink.letters if r.mail_from)
        assert {name for name, n in sent.items() if n > 1} <= doubtful
        for message in letters:
            await _ended_once(town, message, sent)


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "point", ["delivery.before_handover", "delivery.after_handover", "mailbox.before_commit"]
)
async def test_a_local_letter_is_stored_once_whoever_dies(tmp_path, dns_server, point):
    """DESIGN 4: on the way into a mailbox nothing is in doubt: the same delivery is said again, small or large, and is there once."""
    async with stage(tmp_path, dns_server) as made:
        town, pod = made.street, made.street.pods[0]
        dying = made.mailbox if "mailbox" in point else pod
        letters = []
        for turn in range(2):
            dying.environment["YUBIN_FAULT"] = f"{point}:{turn + 1}"
            await asyncio.to_thread(_restart, dying)
            for n in range(6):
                body = letter(f"{turn}-{n}@ours.example", "x" * (60 if n else 100_000))
                letters.append(body)
                await town.accept(ALICE, body=body)
            await until(lambda: dying.process.poll() == -signal.SIGKILL, 30, lambda: dying.log)
            del dying.environment["YUBIN_FAULT"]
            await asyncio.to_thread(dying.start)
            town.change("UPDATE delivery SET lease_until = ? WHERE state = 'sending'", 1.0)
            await until(lambda: _over(town), 40, lambda: pod.log)
        found = [stored.partition(b"\r\n")[2] for stored in await made.stored()]
        assert sorted(found) == sorted(letters)


def _restart(pod) -> None:
    """Armed: it may be dead before it says that it is ready."""
    pod.kill()
    pod.launch()


async def _over(town) -> bool:
    """Rows that lost their worker come back at once, for the test; True when all has ended and been told."""
    await town.ledger.flush(Selection())
    return await town.waiting() == 0 and not await town.ledger.reports_due(1)


async def _ended_once(town, message, sent: Counter[str]) -> None:
    track = await town.ledger.track(message.id)
    (recipient,) = track.deliveries[0].recipients
    kinds = Counter(event.kind for event in track.events)
    if recipient.address.startswith("no"):
        assert recipient.outcome is Outcome.BOUNCED
        assert (kinds[EventKind.BOUNCED], kinds[EventKind.REPORTED]) == (1, 1)
    else:
        assert recipient.outcome is Outcome.DELIVERED
        assert kinds[EventKind.DELIVERED] == 1
        assert sent[recipient.address] >= 1
