"""Promises that take the whole system, or days: nothing leaks, a broker may be away, letters expire, reports stay small.

Days pass by the ledger's clock, which these tests move; sessions, files and reports are real.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.delivery.attempt import Attempt, AttemptLimits
from services.delivery.connections import Connections
from services.delivery.handover import Handover
from services.delivery.inlets import Inlets
from services.delivery.leases import Leases
from services.delivery.reports import Reports
from services.delivery.slots import Slots
from services.delivery.upkeep import Upkeep
from services.delivery.worker import Worker
from tests.e2e.crash_points import Post, Score, judge, send_on, stage
from tests.e2e.town import PODS, Town
from tests.integration.delivery import letter, until
from tests.servers.smtp_sink import Sink
from tests.unit.delivery.world import Mailbox, Nobody, People, Router, ok
from yubin.dispatch.memory import MemoryDispatch
from yubin.ids import uuid7
from yubin.objects.open import open_objects
from yubin.queue.group import Grouped
from yubin.queue.port import (  # fmt: skip
    EventKind,
    Letter,
    Message,
    NewDelivery,
    NewRecipient,
    Origin,
    Outcome,
    Selection,
    State,
    Terms,
    body_name,
)
from yubin.queue.sqlite import SqliteLedger

HOUR, DAY, START = 3600.0, 86_400.0, 1_800_000_000.0


class House:
    """A delivery pod's parts as ``app`` puts them together, by a clock of the test's; DNS says 127.0.0.1."""

    def __init__(self, ledger: SqliteLedger, objects, port: int) -> None:
        self.ledger, self.objects, self.now = ledger, objects, START
        grouped, dispatch = Grouped(ledger), MemoryDispatch()
        self.connections = Connections(hostname="out.ours.example", port=port, per_site=5)
        self.reports = Reports(
            ledger=ledger, objects=objects, dispatch=dispatch, hostname="out.ours.example", every=0.02
        )
        self.upkeep = Upkeep(ledger, objects, self.reports.owe_message)
        self.leases = Leases(ledger, seconds=60.0, clock=asyncio.get_running_loop().time)
        worker = Worker(
            ledger=grouped, objects=objects, attempt=Attempt(self.connections, limits=AttemptLimits()),
            handover=Handover(recipients=People(), deliveries=Mailbox(), objects=objects, ledger=grouped),
            alone=Nobody(), leases=self.leases, owed=self.reports,
        )  # fmt: skip
        router = Router({name: self._route(name) for name in ("theirs.example", "ours.example")})
        self.inlets = Inlets(
            owner="pod", ledger=grouped, dispatch=dispatch, router=router, worker=worker,
            slots=Slots(20, 5), leases=self.leases,
        )  # fmt: skip

    @staticmethod
    def _route(domain: str):
        found = ok(domain, domain)
        return replace(found, hosts=tuple(replace(host, addresses=("127.0.0.1",)) for host in found.hosts))

    async def accept(self, body: bytes, *, sender: str = "a@ours.example", stored: bool = True) -> Message:
        message = Message(
            id=uuid7(), tenant="t", account="a", origin=Origin.SUBMISSION, sender=sender, size=len(body), sha256=b""
        )  # fmt: skip
        row = NewDelivery(
            id=uuid7(), domain="theirs.example", recipients=(NewRecipient(address="b@theirs.example"),)
        )
        if not stored:
            await self.objects.put(body_name(message.id), body)
        await self.ledger.accept([Letter(message=message, body=body if stored else None, deliveries=(row,))])
        return message

    async def turn(self) -> None:
        """What the pod's loops do within some seconds of the ledger's time."""
        await self.upkeep.expire()
        for message_id in await self.ledger.reports_due(100):
            await self.reports.report(message_id)
        await self.inlets._stored_round()
        await self.inlets.drain(20.0)

    async def pass_by(self, seconds: float, *, step: float = 0.25 * HOUR) -> None:
        """Time goes on in steps, so that what is due in between happens in between."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            await self.turn()


@asynccontextmanager
async def house(folder: Path, port: int, terms: Terms = Terms()):  # noqa: B008 - frozen
    (folder / "objects").mkdir()
    now = {}
    ledger = await SqliteLedger.open(folder / "ledger.db", terms, clock=lambda: now["of"].now)
    objects = await open_objects(f"file://{folder}/objects")
    now["of"] = made = House(ledger, objects, port)
    try:
        yield made
    finally:
        await made.connections.close()
        await ledger.close()
        await objects.close()


def statuses(sink: Sink) -> list[tuple[str, str]]:
    """(Action, Status) of each report at the sink."""
    return [_status(r.body) for r in sink.letters if r.mail_from == ""]


def _status(body: bytes) -> tuple[str, str]:
    parsed = email.message_from_bytes(body, policy=email.policy.default)
    _text, status, _original = parsed.iter_parts()
    fields = status.get_payload()[1]
    return fields["Action"], fields["Status"]


def busy(argument: str) -> str | None:
    return "451 4.7.1 come back later" if "theirs" in argument else None


async def test_a_letter_nobody_takes_is_late_after_four_hours_and_ends_after_five_days(tmp_path):
    """CASES B14: one notice of delay at 4 h, one DSN 5.4.7 at 5 days, and nothing after that; attempts as scheduled."""
    async with Sink(script={"rcpt": busy}) as sink, house(tmp_path, sink.port) as pod:
        message = await pod.accept(letter("b@theirs.example"))
        await pod.turn()
        await pod.pass_by(3.9 * HOUR)
        assert statuses(sink) == []
        await pod.pass_by(1 * HOUR)
        assert [action for action, _ in statuses(sink)] == ["delayed"]
        await pod.pass_by(5 * DAY - 5 * HOUR, step=HOUR)
        assert len(statuses(sink)) == 1
        await pod.pass_by(DAY, step=HOUR)
        assert statuses(sink)[1:] == [("failed", "5.4.7")]
        track = await pod.ledger.track(message.id)
        assert track.deliveries[0].recipients[0].outcome is Outcome.EXPIRED
        tried = [event for event in track.events if event.kind is EventKind.ATTEMPT]
        assert 28 <= len(tried) <= 42  # six in the first hours, then one every four hours, ±20 %


async def test_mail_from_nobody_expires_in_silence(tmp_path):
    """CASES B14, I1: the null reverse-path ends after two days, and nobody is told of delay or end."""
    async with Sink(script={"rcpt": busy}) as sink, house(tmp_path, sink.port) as pod:
        message = await pod.accept(letter("b@theirs.example"), sender="")
        await pod.pass_by(3 * DAY, step=HOUR)
        track = await pod.ledger.track(message.id)
        assert track.deliveries[0].recipients[0].outcome is Outcome.EXPIRED
        assert sink.letters == []
        assert await pod.ledger.list(Selection(), limit=10) == []


async def test_the_report_about_a_huge_letter_is_small(tmp_path):
    """CASES I8: 50 MB that were refused come back as headers only, in at most 50 KB."""
    refused = {"rcpt": lambda a: "550 5.1.1 nobody" if "theirs" in a else None}
    async with Sink(script=refused) as sink, house(tmp_path, sink.port) as pod:
        body = letter("b@theirs.example", "SECRET") + b"0123456789 SECRET\r\n" * (50 * 1024 * 1024 // 19)
        await pod.accept(body, stored=False)
        await pod.turn()
        await until(lambda: _told(pod, sink), 20)
        (report,) = sink.letters
        assert len(report.body) <= 50_000
        assert b"Message-ID: <b@theirs.example>" in report.body
        assert b"SECRET" not in report.body
        parsed = email.message_from_bytes(report.body, policy=email.policy.default)
        assert list(parsed.iter_parts())[2].get_content_type() == "text/rfc822-headers"


async def _told(pod: House, sink: Sink) -> bool:
    pod.now += 31.0  # the head start of the fresh lane, which this pod does not have
    await pod.turn()
    return bool(sink.letters)


async def test_greylisting_is_passed_at_the_second_attempt(tmp_path):
    """CASES C6: 451 at first; 5 to 15 minutes later, by the shipped back-off, the same envelope is accepted."""
    async with Sink(script={"rcpt": ["451 4.7.1 greylisted"]}) as sink, house(tmp_path, sink.port) as pod:
        message = await pod.accept(letter("b@theirs.example"))
        await pod.turn()
        assert sink.letters == []
        (row,) = (await pod.ledger.track(message.id)).deliveries
        assert row.state is State.DEFERRED
        first = pod.now
        while not sink.letters:
            await pod.pass_by(15.0, step=15.0)
            assert pod.now - first <= 15 * 60
        assert pod.now - first >= 0.8 * 5 * 60
        envelopes = [c for c in sink.commands if c.startswith(("MAIL", "RCPT"))]
        assert envelopes[:2] == envelopes[2:]


@pytest.mark.timeout(200)
async def test_letters_are_taken_and_arrive_though_nats_is_dead(tmp_path, dns_server):
    """CASES A8 in small: nats-server is killed for 20 s: 250s go on, and all is delivered within 60 s of its return."""
    async with stage(tmp_path, dns_server) as made:
        post, nats = made.post, made.nats
        await asyncio.to_thread(post.pod.start)
        sender = threading.Thread(target=_gently, args=(post,), daemon=True)
        sender.start()
        await until(lambda: post.acked, 20)
        nats.kill()
        at_kill = len(post.acked)
        await asyncio.sleep(10)
        halfway = len(post.acked)
        await asyncio.sleep(10)
        assert at_kill < halfway < len(post.acked)
        await asyncio.to_thread(nats.start)
        back = asyncio.get_running_loop().time()
        post.over.set()
        await asyncio.to_thread(sender.join, 30)
        await made.settle()
        assert asyncio.get_running_loop().time() - back <= 60
        score = Score()
        await judge(made, score)
        assert (score.lost, score.changed, score.doubles) == ([], [], 0)


def _gently(post: Post) -> None:
    """Some letters a second: what is measured is that they go on, not how many."""
    wait = post.over.wait

    class Slow(threading.Event):
        def is_set(self) -> bool:
            return wait(0.2)

    send_on(replace(post, over=Slow()), 1)


def test_no_secret_and_no_letter_is_left_lying_about(town: Town):
    """CASES L8: passwords, the api's token and bodies are in no log, environment, state file or directory database."""
    mark = "Marked-7f3a91 body that nobody may log"
    town.send("friend@accepts.example", "--header", "Subject: marked", "--body", mark)
    town.send("nobody@refuses.example", "--header", "Subject: marked too", "--body", mark)
    town.swaks("friend@accepts.example", "--auth-password", "Wrong-5e1c77", ok=False)
    town.arrived(lambda e, _d: e.subject == "marked")
    town.received("alice", b"marked too")
    token = (town.state / "secrets" / "api-token").read_text().split()[0]
    secrets = {
        "alice": town.password("alice"), "bob": town.password("bob"), "wrong": "Wrong-5e1c77",
        "token": token, "body": "Marked-7f3a91",
    }  # fmt: skip
    places = {path.name: path.read_bytes() for path in (town.state / "log").iterdir() if path.is_file()}
    places["run.json"] = (town.state / "run.json").read_bytes()
    places |= {p.name: p.read_bytes() for p in town.state.rglob("accounts.db*")}
    places |= {f"environ of {pod}": Path(f"/proc/{town.pid(pod)}/environ").read_bytes() for pod in PODS}
    assert any("accounts.db" in name for name in places)
    assert all(len(places[f"{pod}.log"]) > 100 for pod in PODS)
    found = [
        (name, what) for name, data in places.items() for what, s in secrets.items() if s.encode() in data
    ]
    assert found == []
    assert os.stat(town.state / "secrets").st_mode & 0o077 == 0
