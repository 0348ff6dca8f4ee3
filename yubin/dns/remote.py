"""The resolver pod as a Router: routes are cached here for as long as they hold, since no call may be made per letter.

One call for many askers. When the resolver is away or slow (CASES D6), a route that led somewhere stands in for up to
``stale_for`` seconds; one that refused mail never does. Without one: Unavailable, and the caller defers. Hosts of equal
preference are put in a new random order each time (RFC 5321 5.1).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import grpc
import structlog

from yubin.dns import metrics
from yubin.dns.flight import SingleFlight
from yubin.dns.message import route_from
from yubin.dns.port import Route, Verdict
from yubin.dns.route import order, unfit
from yubin.dns.store import Store
from yubin.errors import Failure, Invalid, Unavailable
from yubin.mail.address import canonical_domain
from yubin.v1 import resolver_pb2, resolver_pb2_grpc

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds: ``deadline`` of a call, ``patience`` with one where a stale route is held, ``recheck`` after a failure."""

    entries: int = 50_000
    octets: int = 64 * 1024 * 1024
    deadline: float = 5.0
    patience: float = 1.0
    recheck: float = 5.0
    stale_for: float = 86_400.0
    longest: float = 3600.0


class RemoteRouter:
    """``channel`` to the resolver; ``clock`` and ``entropy`` are given by tests."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        terms: Terms = Terms(),
        clock: Callable[[], float] = time.monotonic,
        entropy: random.Random | None = None,
    ) -> None:
        self._stub = resolver_pb2_grpc.ResolverStub(channel)
        self._terms = terms
        self._clock = clock
        self._random = entropy or random.Random()  # noqa: S311 - spreads load, hides nothing
        self._routes: Store[str, Route] = Store(terms.entries, terms.octets, weigh)
        self._flight: SingleFlight[str, Route] = SingleFlight()

    def __len__(self) -> int:
        return len(self._routes)

    async def route(self, domain: str) -> Route:
        """Raises Unavailable (451 4.4.3) when the resolver is away and no older route can stand in."""
        try:
            key = canonical_domain(domain)
        except Invalid as failure:
            return unfit(domain, failure)
        now = self._clock()
        held = self._routes.get(key, now)
        if held is not None and held.fresh_until > now:
            metrics.REMOTE.labels("hit").inc()
            return self._given(held.value, held.fresh_until - now)
        metrics.REMOTE.labels("joined" if key in self._flight else "miss").inc()
        old = held.value if held is not None else None  # kept beyond its time: it led somewhere
        try:
            patience = None if old is None else self._terms.patience
            route = await self._flight.join(key, lambda: self._ask(key), patience)
        except TimeoutError as cause:
            if old is None:
                raise _away() from cause
            metrics.REMOTE.labels("stale").inc()
            route = replace(old, stale=True, valid_for=self._terms.recheck)
        return self._given(route, route.valid_for)

    async def _ask(self, key: str) -> Route:
        try:
            request = resolver_pb2.RouteRequest(domain=key)
            route = route_from(await self._stub.Route(request, timeout=self._terms.deadline))
        except (Failure, grpc.aio.AioRpcError) as cause:
            if not isinstance(cause, Unavailable):
                log.warning("The resolver refused to answer.", action="route", why=str(cause))
            if (route_held := self._stale(key)) is None:
                metrics.REMOTE.labels("away").inc()
                raise _away() from cause
            return route_held
        if route.verdict is Verdict.TEMPORARY and (route_held := self._stale(key)) is not None:
            return route_held
        now, holds = self._clock(), min(route.valid_for, self._terms.longest)
        spare = self._terms.stale_for if route.verdict is Verdict.OK else 0
        self._routes.put(key, route, fresh_until=now + holds, kept_until=now + holds + spare)
        return route

    def _stale(self, key: str) -> Route | None:
        """The held route, which is asked for again after ``recheck``; only those that lead somewhere are kept so long."""
        now = self._clock()
        held = self._routes.get(key, now)
        if held is None:
            return None
        metrics.REMOTE.labels("stale").inc()
        route = replace(held.value, stale=True, valid_for=self._terms.recheck)
        fresh_until = now + self._terms.recheck
        self._routes.put(key, route, fresh_until=fresh_until, kept_until=held.kept_until)
        return route

    def _given(self, route: Route, valid_for: float) -> Route:
        hosts = order(route.hosts, self._random) if len(route.hosts) > 1 else route.hosts
        return replace(route, hosts=hosts, valid_for=valid_for)


def _away() -> Unavailable:
    return Unavailable("The resolver is away", code=451, enhanced="4.4.3")


def weigh(route: Route) -> int:
    """Octets in memory, roughly."""
    hosts = sum(300 + len(h.name) + 80 * len(h.addresses) for h in route.hosts)
    return 800 + len(route.domain) + len(route.site) + len(route.reason) + hosts
