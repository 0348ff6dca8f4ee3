"""Delivery into mailboxes as mx and delivery see it (DESIGN 4): one letter, its recipients, an answer for each.

Implemented by the mailbox pod (services/mailbox) and by its client over one stream (remote.py), where many letters
travel in a frame. Idempotent by (account, delivery id): what is not known to have arrived is said again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from yubin.errors import Failure
from yubin.mailboxes.port import Delivered, Usage


@dataclass(frozen=True, kw_only=True)
class Copy:
    """For one account. ``junk``: filed in the mailbox for junk."""

    account: str
    delivery_id: UUID
    junk: bool = False


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """A letter as it will be kept, trace fields and Return-Path included.

    ``body`` up to yubin.mailboxes.port.ROW_LIMIT; a larger one lies in the object store already, under ``object``,
    which is ``object_name(letter_id)``. All copies share the bytes.
    """

    letter_id: UUID
    body: bytes | None
    object: str = ""
    size: int
    sha256: bytes
    copies: tuple[Copy, ...]
    received: float | None = None
    traceparent: str = ""


class Deliveries(Protocol):
    async def deliver(self, letter: Inbound) -> Sequence[Delivered | Failure]:
        """An answer for each copy, in order; a Failure is Unavailable, or Internal, and may be tried again.

        Raises Unavailable when nobody answers (some copies may have arrived).
        """

    async def usage(self, accounts: Sequence[str]) -> Mapping[str, Usage]:
        """What each account holds; may be some seconds old."""


def object_name(letter_id: UUID) -> str:
    """Apart from those of the queue, which sweeps its own."""
    return f"mailbox/{letter_id}"
