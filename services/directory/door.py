"""The door: what every way in has in common, whatever is shown there.

Who asks must make sense; the throttle is entered before a check and hears how it ended; outcomes are counted; a refusal is
logged with the account's id, and never with what was typed: people type passwords where their names belong. That
something of ours is away is 454 4.7.0 (RFC 4954 6) and costs nobody a try.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog
from prometheus_client import Counter

from services.directory.throttle import Attempt, Throttle
from yubin.accounts.port import SERVICES, Holder
from yubin.errors import Exhausted, Failure, Invalid, Unauthenticated, Unavailable
from yubin.mail.address import canonical

V = TypeVar("V")
log = structlog.get_logger()
CHECKS = Counter("yubin_auth_checks", "password checks by outcome", ["outcome"])
PEER_LIMIT = 64


@dataclass(kw_only=True, slots=True)
class Visitor:
    """``account``: its id, once it is known."""

    account: str | None = None


class Door:
    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    def known(self, peer: str, service: str) -> None:
        """Raises Invalid."""
        if service not in SERVICES:
            raise Invalid("service is one of " + ", ".join(sorted(SERVICES)))
        if not peer.isprintable() or len(peer) > PEER_LIMIT:
            raise Invalid("peer is an IP address")

    @contextmanager
    def attempt(self, login: str, peer: str, service: str) -> Iterator[Visitor]:
        """Around a check that raises Unauthenticated when it does not hold."""
        entered, visitor = self._enter(login, peer), Visitor()
        try:
            yield visitor
        except (Exhausted, Unavailable) as failure:
            self._throttle.undone(entered)
            CHECKS.labels("busy").inc()
            raise _later(failure) from failure
        except Unauthenticated:
            CHECKS.labels("wrong").inc()
            log.info(
                "A login was refused.", action="auth", account=visitor.account, peer=peer, service=service
            )
            raise
        self._throttle.held(entered)
        CHECKS.labels("ok").inc()

    async def asked(self, question: Awaitable[V]) -> V:
        """What the store answers, outside an attempt."""
        try:
            return await question
        except (Exhausted, Unavailable) as failure:
            raise _later(failure) from failure

    def _enter(self, login: str, peer: str) -> Attempt:
        try:
            return self._throttle.enter(login, peer)
        except Exhausted:
            CHECKS.labels("throttled").inc()
            raise


def lookup(login: str) -> str:
    """The canonical address, or "" for what cannot be one: all such logins are one unknown login."""
    try:
        return canonical(login)
    except (Invalid, UnicodeError):
        return ""


def account_of(holder: Holder | None) -> str | None:
    return holder.account if holder else None


def _later(failure: Failure) -> Failure:
    return type(failure)(failure.text, code=454, enhanced="4.7.0")
