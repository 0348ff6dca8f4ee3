from __future__ import annotations

import asyncio
import email
import email.policy

from services.delivery.reports import notification
from tests.unit.delivery.world import BODY, World, nowhere
from yubin.dns.port import Verdict
from yubin.ids import uuid7
from yubin.queue.port import Origin, Selection


async def bounced(world: World, **more):
    world.router.routes["x.example"] = nowhere("x.example", Verdict.NO_DOMAIN)
    message = await world.accept("b@x.example", **more)
    await world.run(lambda: world.memory._mail[message.id].events[-1].kind == "bounced")
    return message


async def reports_in(world: World):
    rows = await world.memory.list(Selection(), limit=100)
    found = [await world.memory.message(r.message_id) for r in rows]
    return [m for m in found if m is not None and m.origin is Origin.DSN]


async def test_the_sender_hears_once_of_a_failure():
    """Two pods that report the same message make one DSN; its reverse-path is null and it asks for no report."""
    world = World()
    message = await bounced(world)
    made = await asyncio.gather(*(world.reports.report(message.id) for _ in range(5)))
    assert len([m for m in made if m]) == 1
    (dsn,) = await reports_in(world)
    assert (dsn.sender, dsn.klass) == ("", "dsn")
    (job,) = [p.job for p in await world.dispatch.pull("hi", 10, wait=0.01) if p.job.message_id == dsn.id]
    assert job.domain == "demo.example"


async def test_a_failure_of_null_sender_mail_makes_no_report():
    """CASES I1: mail from <> never causes mail."""
    world = World()
    message = await bounced(world, sender="")
    assert await world.reports.report(message.id) is None
    assert await reports_in(world) == []


async def test_what_a_crash_forgot_is_found_again():
    """A report that nobody remembers to make is found by asking the ledger."""
    world = World()
    await bounced(world)
    world.reports._owed.clear()
    running = asyncio.create_task(world.reports.run())
    async with asyncio.timeout(5):
        while not await reports_in(world):
            await asyncio.sleep(0.01)
    running.cancel()


async def test_a_pod_that_is_always_busy_looks_for_forgotten_reports_all_the_same():
    """Delay notices and what a crash forgot are found in the ledger also while failures come one after the other."""
    world = World()
    await bounced(world)
    world.reports._owed.clear()
    running = asyncio.create_task(world.reports.run())
    async with asyncio.timeout(5):
        while not await reports_in(world):
            world.reports.owe_message(uuid7())
            await asyncio.sleep(0.001)
    running.cancel()


async def test_the_report_is_read_by_an_independent_parser():
    """CASES I7: Python's email finds the three parts, the status and the original's header."""
    world = World()
    message = await bounced(world)
    report_id = await world.reports.report(message.id)
    body = await world.memory.body(report_id)
    parsed = email.message_from_bytes(body, policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/report"
    _text, status, original = parsed.iter_parts()
    fields = status.get_payload()[1]
    assert (fields["Action"], fields["Status"]) == ("failed", "5.1.2")
    assert "Subject: hi" in original.as_string()


def test_a_report_without_its_original_is_still_a_report():
    """The body may be gone by the time of the report."""
    from yubin.queue.port import Message, Reportable, ReportKind

    about = Message(
        id=__import__("uuid").uuid4(), tenant="t", account=None, origin=Origin.SUBMISSION, sender="a@b.example",
        size=len(BODY), sha256=b"",
    )  # fmt: skip
    owed = Reportable(
        delivery_id=about.id, n=0, address="c@d.example", orcpt=None, kind=ReportKind.FAILED, code=550,
        enhanced="5.1.1", text="no such user", peer="mx[192.0.2.1]:25", last_attempt=1.0, will_retry_until=None,
    )  # fmt: skip
    letter = notification(about, [owed], host="mx.example", now=1.0, original=None)
    assert letter is not None
    assert b"550 5.1.1 no such user" in letter.body


async def test_a_flood_of_bounces_is_reported_without_waiting_between_batches(monkeypatch):
    """What the worker could not keep in mind is found in the ledger batch after batch, not one batch a turn."""
    monkeypatch.setattr("services.delivery.reports.BATCH", 3)
    world = World(slots=100)
    world.router.routes["x.example"] = nowhere("x.example", Verdict.NO_DOMAIN)
    messages = [await world.accept("b@x.example") for _ in range(20)]
    await world.run(lambda: all(world.memory._mail[m.id].events[-1].kind == "bounced" for m in messages))
    world.reports._owed.clear()
    world.reports._every = 2.0
    running = asyncio.create_task(world.reports.run())
    async with asyncio.timeout(10):  # seven batches, two seconds each otherwise
        while len(await reports_in(world)) < 20:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_reports_that_always_fail_do_not_spin(monkeypatch):
    """A full batch of messages whose report fails is looked at once a turn, not again at once."""
    monkeypatch.setattr("services.delivery.reports.BATCH", 1)
    world = World()
    message = await bounced(world)
    looks = []

    async def due(_limit):
        looks.append(1)
        return [message.id]

    async def fails(_message_id):
        raise RuntimeError("cannot be composed")

    monkeypatch.setattr(world.memory, "reports_due", due)
    monkeypatch.setattr(world.reports, "report", fails)
    world.reports._owed.clear()
    world.reports._wake.clear()
    world.reports._every = 0.2
    running = asyncio.create_task(world.reports.run())
    await asyncio.sleep(1.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert 1 <= len(looks) <= 6
