"""Dispatch: how a delivery pod hears of fresh work. A hint plane: any message may be lost, repeated or stale (DESIGN I3).

Two lanes: ``hi`` (interactive mail, DSNs) and ``lo`` (bulk). ``publish`` never waits and never raises; what could not
be sent is counted and found in the ledger when its head start has run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Lane(StrEnum):
    HI = "hi"
    LO = "lo"


def lane_of(klass: str) -> Lane:
    return Lane.LO if klass == "bulk" else Lane.HI


@dataclass(frozen=True, kw_only=True)
class Job:
    """Names one delivery row at one epoch, with what saves a query."""

    delivery_id: UUID
    message_id: UUID
    epoch: int
    domain: str
    tenant: str
    klass: str
    traceparent: str = ""


class Parcel(Protocol):
    """A job that was pulled. Ack once its claim has committed or been refused."""

    @property
    def job(self) -> Job: ...

    async def ack(self) -> None: ...


class Dispatch(Protocol):
    def publish(self, jobs: Sequence[Job]) -> None:
        """Hand jobs over, without waiting."""

    async def pull(self, lane: Lane, room: int, *, wait: float) -> Sequence[Parcel]:
        """Up to ``room`` jobs; an empty answer after ``wait`` seconds, or when the broker is away."""

    async def close(self) -> None: ...


class EventSink(Protocol):
    """Where the outbox goes: the stream EVENTS, subject ``events.<tenant>.<kind>``, payload yubin.v1.Events."""

    async def send(self, payloads: Sequence[tuple[str, str, bytes]]) -> None:
        """(subject, message id for de-duplication, payload) each; returns when all are stored, else Unavailable."""
