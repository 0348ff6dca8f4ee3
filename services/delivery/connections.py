"""Sessions kept for reuse, and how many there may be to one site from this pod.

Whoever delivers takes a place at the site first (first come, first served), so connections never exceed the window.
The window opens by one for each success, up to the limit, and is halved by a 421 or a host that does not answer, as
Postfix does with its concurrency. A kept connection counts: one that is not wanted is closed before another is opened.
After ``idle`` seconds, ``letters`` letters or five minutes a connection ends with QUIT.

TLS is opportunistic (RFC 7435): the certificate is not verified, and where the handshake fails one new connection is
made in clear. A letter with REQUIRETLS (RFC 8689) gets a verified session or none.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import structlog

from services.delivery import meters
from services.delivery.session import Session
from services.delivery.terms import Hello, OurTrouble, Peer, SessionFailed, Timeouts, TlsFailed

log = structlog.get_logger()

FIRST_WINDOW = 5.0
OLDEST = 300.0  # seconds that one connection is used for
SITES_REMEMBERED = 10_000
PLACE_RETRY = 2.0
CUT_RETRY = 30.0  # where the site has just refused or failed us
EVICTION = 2.0  # seconds that a peer gets to take our QUIT


class Site:
    """``busy`` places are taken; ``kept`` sessions wait for a letter, oldest first, with the timer of their end."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.window = min(FIRST_WINDOW, float(limit))
        self.busy = 0
        self.kept: dict[Session, asyncio.TimerHandle] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def dormant(self) -> bool:
        return not (self.busy or self.kept or self._waiting)

    @property
    def full(self) -> bool:
        return self.busy >= int(self.window)

    @property
    def was_cut(self) -> bool:
        return self.window < min(FIRST_WINDOW, float(self.limit))

    async def enter(self, seconds: float) -> None:
        """Takes a place; raises TimeoutError when none is free in time."""
        if not self.full and not self._waiting:
            self.busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await turn
        except BaseException:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():  # the place came while we were leaving
                self.leave()
            raise

    def leave(self) -> None:
        self.busy -= 1
        self._admit()

    def open_wider(self) -> None:
        self.window = min(float(self.limit), self.window + 1)
        self._admit()

    def cut(self) -> None:
        self.window = max(1.0, self.window / 2)

    def _admit(self) -> None:
        while self._waiting and not self.full:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self.busy += 1


class Connections:
    """Durations in seconds; ``port`` is the peers' (25)."""

    def __init__(
        self,
        *,
        hostname: str,
        port: int = 25,
        per_site: int = 20,
        idle: float = 5.0,
        letters: int = 100,
        connect_timeout: float = 30.0,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.port = port
        self.opportunistic = opportunistic()
        self.verifying = ssl.create_default_context()
        self._hostname = hostname
        self._per_site = per_site
        self._idle = idle
        self._letters = letters
        self._timeouts = timeouts or dataclasses.replace(Timeouts(), connect=connect_timeout)
        self._sites: dict[str, Site] = {}
        self._open: set[Session] = set()

    @asynccontextmanager
    async def place(self, site: str, seconds: float) -> AsyncIterator[Site]:
        """Room for one session; raises OurTrouble when there is none within ``seconds``."""
        place = self._site(site)
        try:
            await place.enter(seconds)
        except TimeoutError:
            wait = CUT_RETRY if place.was_cut else PLACE_RETRY
            raise OurTrouble("no connection to the site is free", retry_after=wait) from None
        try:
            yield place
        finally:
            place.leave()

    def kept(self, site: Site, addresses: Collection[str], *, verified: bool) -> Session | None:
        """A session to one of these addresses that can carry a letter now, the last used first."""
        for session in reversed(site.kept):
            secure = session.tls is not None and session.tls.verified
            if session.peer.address in addresses and secure >= verified:
                site.kept.pop(session).cancel()
                if session.usable:
                    return session
                meters.STALE.inc()
                session.abort()
                return self.kept(site, addresses, verified=verified)
        return None

    async def open(self, site: Site, peer: Peer, *, verified: bool, until: float) -> Session:
        """A new session. Raises SessionFailed, or OurTrouble when the fault is this machine's."""
        while site.kept and site.busy + len(site.kept) > int(site.window):
            await self._evict(site)
        try:
            session = await self._open_at_most_secure(peer, verified=verified, until=until)
        except SessionFailed as failed:
            meters.OPENED.labels(peer.provider, failed.stage.value).inc()
            raise
        self._adopt(site, session)
        tls = session.tls
        log.info(
            "A session is open.",
            action="connect",
            peer=str(peer),
            tls=tls.version if tls else "",
            cipher=tls.cipher if tls else "",
        )
        return session

    def keep(self, site: Site, session: Session) -> None:
        """Take back a session whose letter has ended; it is kept if it may carry another."""
        allowed = min(self._letters, session.client.peer.letters or self._letters)  # RFC 9422 MAILMAX
        fresh = time.monotonic() - session.opened < OLDEST
        if not session.usable:
            session.abort()
        elif session.letters >= allowed or not fresh or self._idle <= 0:
            session.leave()
        else:
            loop = asyncio.get_running_loop()
            site.kept[session] = loop.call_later(self._idle, self._retire, site, session)

    async def close(self) -> None:
        """QUIT to every kept connection, and the end of all."""
        for site in self._sites.values():
            for session in list(site.kept):
                self._retire(site, session)
        waiting = [session.connection.closed for session in self._open]
        if waiting:
            await asyncio.wait(waiting, timeout=EVICTION)
        for session in list(self._open):
            session.abort()

    async def _open_at_most_secure(self, peer: Peer, *, verified: bool, until: float) -> Session:
        context = self.verifying if verified else self.opportunistic
        try:
            return await Session.open(
                peer, Hello(name=self._hostname, context=context), self._timeouts, until=until
            )
        except TlsFailed as failed:
            if verified:
                raise
            meters.OPENED.labels(peer.provider, failed.stage.value).inc()
            log.info("TLS failed; the letter goes in clear.", action="tls", peer=str(peer), why=failed.text)
        return await Session.open(peer, Hello(name=self._hostname, context=None), self._timeouts, until=until)

    def _adopt(self, site: Site, session: Session) -> None:
        provider = session.peer.provider
        meters.OPENED.labels(provider, "tls" if session.tls else "clear").inc()
        meters.OPEN.labels(provider).inc()
        self._open.add(session)
        session.connection.on_lost = lambda: self._on_lost(site, session)

    def _on_lost(self, site: Site, session: Session) -> None:
        if session in self._open:
            self._open.discard(session)
            meters.OPEN.labels(session.peer.provider).dec()
        if timer := site.kept.pop(session, None):
            timer.cancel()

    async def _evict(self, site: Site) -> None:
        oldest = next(iter(site.kept))
        self._retire(site, oldest)
        await asyncio.wait([oldest.connection.closed], timeout=EVICTION)
        oldest.abort()

    def _retire(self, site: Site, session: Session) -> None:
        timer = site.kept.pop(session, None)
        if timer is not None:
            timer.cancel()
        session.leave()

    def _site(self, name: str) -> Site:
        site = self._sites.get(name)
        if site is None:
            if len(self._sites) >= SITES_REMEMBERED:
                self._sites = {known: place for known, place in self._sites.items() if not place.dormant}
            site = self._sites[name] = Site(self._per_site)
        return site


def opportunistic() -> ssl.SSLContext:
    """Any TLS 1.2 or later is better than none (RFC 7435 3): weak ciphers and any certificate are taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
