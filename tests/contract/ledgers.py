"""Every ledger under one roof: a world with a clock that tests move, and letters to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from yubin.ids import uuid7
from yubin.queue.memory import MemoryLedger
from yubin.queue.port import (
    Backoff,
    Claim,
    Hold,
    Ledger,
    Letter,
    Message,
    NewDelivery,
    NewRecipient,
    Origin,
    Outcome,
    RecipientResult,
    Result,
    Terms,
    Ticket,
)

START = 1_800_000_000.0
TERMS = Terms(backoff=Backoff(jitter=0.0))
SHIFTED_NOW = "(SELECT to_timestamp(at) FROM test_clock)"


@dataclass
class World:
    """``ledger`` by a clock that stands still until ``sleep``. ``another`` opens the same ledger a second time."""

    kind: str
    ledger: Ledger
    now: float
    another: Callable[[], Any]
    tick: Callable[[float], Any]
    opened: list[Ledger] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await self.tick(self.now)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    made = await make_world(request, request.param, tmp_path, TERMS)
    yield made
    for ledger in made.opened:
        await ledger.close()
    await made.ledger.close()


async def make_world(request: pytest.FixtureRequest, kind: str, folder: Path, terms: Terms) -> World:
    if kind == "postgres":
        return await _postgres_world(request.getfixturevalue("postgres_dsn"), terms)
    time = {"now": START}

    async def tick(now: float) -> None:
        time["now"] = now

    async def another() -> Ledger:
        if kind == "memory":
            return world_.ledger
        ledger = await _sqlite(folder, terms, time)
        world_.opened.append(ledger)
        return ledger

    ledger: Ledger
    if kind == "memory":
        ledger = MemoryLedger(terms, clock=lambda: time["now"], random=lambda: 0.5)
    else:
        ledger = await _sqlite(folder, terms, time)
    world_ = World(kind=kind, ledger=ledger, now=START, another=another, tick=tick)
    return world_


async def _sqlite(folder: Path, terms: Terms, time: dict[str, float]) -> Ledger:
    from yubin.queue.sqlite import SqliteLedger

    return await SqliteLedger.open(folder / "ledger.db", terms, clock=lambda: time["now"], random=lambda: 0.5)


async def _postgres_world(dsn: str, terms: Terms) -> World:
    from yubin.queue.postgres import PostgresLedger

    async def another() -> Ledger:
        ledger = await PostgresLedger.open(dsn, terms, now=SHIFTED_NOW)
        world_.opened.append(ledger)
        return ledger

    async def tick(now: float) -> None:
        await first.pool.execute("UPDATE test_clock SET at = $1", now)

    first = await PostgresLedger.open(dsn, terms, now=SHIFTED_NOW)
    await first.pool.execute("CREATE TABLE IF NOT EXISTS test_clock (at double precision)")
    await first.pool.execute("INSERT INTO test_clock VALUES ($1)", START)
    world_ = World(kind="postgres", ledger=first, now=START, another=another, tick=tick)
    return world_


def message(**changes: Any) -> Message:
    base = Message(
        id=uuid7(), tenant="acme", account="a1", origin=Origin.SUBMISSION, sender="mari@example.jp", size=5,
        sha256=b"\x01" * 32,
    )  # fmt: skip
    return replace(base, **changes)


def delivery(
    *addresses: str, domain: str = "example.org", published: bool = False, **asked: Any
) -> NewDelivery:
    who = tuple(NewRecipient(address=a, **asked) for a in addresses or (f"ken@{domain}",))
    return NewDelivery(id=uuid7(), domain=domain, recipients=who, published=published)


def letter(*deliveries: NewDelivery, body: bytes | None = b"hello", **changes: Any) -> Letter:
    return Letter(message=message(**changes), body=body, deliveries=deliveries or (delivery(),))


def ticket(new: NewDelivery, epoch: int = 0, site: str = "mx.example.org") -> Ticket:
    return Ticket(delivery_id=new.id, epoch=epoch, site=site)


def hold(claim: Claim) -> Hold:
    return Hold(delivery_id=claim.delivery_id, epoch=claim.epoch)


def said(
    n: int = 0, outcome: Outcome = Outcome.DELIVERED, code: int = 250, text: str = "ok"
) -> RecipientResult:
    return RecipientResult(n=n, outcome=outcome, code=code, enhanced=f"{code // 100}.0.0", text=text)


def result(claim: Claim, *words: RecipientResult, **changes: Any) -> Result:
    base = Result(
        delivery_id=claim.delivery_id, epoch=claim.epoch, site=claim.site, recipients=words or (said(),),
        peer="mx.example.org[192.0.2.1]:25",
    )  # fmt: skip
    return replace(base, **changes)


DEFERRED = said(outcome=Outcome.PENDING, code=451, text="try again")
BOUNCED = said(outcome=Outcome.BOUNCED, code=550, text="no such user")


async def claim_one(world: World, new: NewDelivery, epoch: int = 0, lease: float = 60) -> Claim:
    (claim,) = await world.ledger.claim([ticket(new, epoch)], owner="w1", lease=lease)
    assert claim
    return claim


def kinds(events: Any) -> list[str]:
    return [event.kind.value for event in events]
