"""Which domains are ours: their mail goes to mailboxes, by no MX record and over no SMTP (DESIGN 3, 4).

Asked of the directory before DNS is. An answer holds for a minute. While the directory is away, what it last said is
good for an hour; a domain that was never asked about waits, since the MX of one of ours leads to our own door.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from yubin.accounts.port import Kind, Recipients
from yubin.dns.port import Route, Router, Verdict
from yubin.errors import Failure

SITE = "local"  # of every domain of ours; no name of a host or ~domain is like it
HOLDS = 60.0
STALE = 3600.0
RETRY = 5.0
DOMAINS = 10_000


class InsideRouter:
    """A ``Router`` before the resolver's."""

    def __init__(
        self, router: Router, recipients: Recipients, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._router, self._recipients, self._clock = router, recipients, clock
        self._ours: OrderedDict[str, tuple[bool, float, float]] = OrderedDict()  # ours, fresh and stale until

    async def route(self, domain: str) -> Route:
        """Raises Unavailable when neither the directory nor memory says whose the domain is."""
        if await self._inside(domain):
            return inside(domain)
        return await self._router.route(domain)

    async def _inside(self, domain: str) -> bool:
        known, now = self._ours.get(domain), self._clock()
        if known is not None and known[1] > now:
            return known[0]
        try:
            (found,) = await self._recipients.lookup([f"postmaster@{domain}"])
        except Failure:
            if known is None or known[2] <= now:
                raise
            self._ours[domain] = (known[0], now + RETRY, known[2])
            return known[0]
        ours = found.kind is not Kind.NOT_LOCAL
        self._ours[domain] = (ours, now + HOLDS, now + STALE)
        self._ours.move_to_end(domain)
        if len(self._ours) > DOMAINS:
            self._ours.popitem(last=False)
        return ours


def inside(domain: str) -> Route:
    return Route(
        domain=domain, verdict=Verdict.OK, site=SITE, provider=SITE, hosts=(), reason="", valid_for=HOLDS
    )
