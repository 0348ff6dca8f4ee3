"""A reception: what the conversations of one pod share. It listens, counts who is there, obeys commands, and stops.

When the pod stops, it goes on listening: a new client is told 421 4.3.2, one between two commands as well; a letter
under way ends with its 250 or 451 (CASES A15).
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import sslproto
from collections import Counter

import structlog

from yubin.errors import Exhausted, Failure, Internal, Invalid, Unavailable
from yubin.reception import metrics
from yubin.reception.conversation import Conversation, Ended
from yubin.reception.policy import Policy
from yubin.reception.terms import Terms
from yubin.reception.verbs import STRANGE, VERBS, After, Verb
from yubin.runtime.metrics import ERRORS
from yubin.runtime.peers import neighbourhood
from yubin.smtp import command

log = structlog.get_logger()
STRESSED = 0.8  # share of the connections
OVERSHOOT = 1000  # RCPTs above the limit that are no error yet, as in Postfix

# asyncio keeps two buffers of this size for each TLS connection; 256 KiB is its choice, 44 KiB in all are ours
sslproto.SSLProtocol.max_size = 16 * 1024


class Reception:
    def __init__(self, terms: Terms, policy: Policy) -> None:
        self.terms, self.policy = terms, policy
        self.stopping = False
        self.held = 0  # octets of letters being received
        self._here: set[Conversation] = set()
        self._addresses: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._servers: list[asyncio.Server] = []

    async def listen(self, host: str, port: int, *, implicit_tls: bool = False) -> int:
        """The port on which it listens now; 0 asks the system for a free one."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Conversation(self),
            host,
            port,
            backlog=1024,
            ssl=self.terms.tls if implicit_tls else None,
            ssl_handshake_timeout=self.terms.handshake_timeout if implicit_tls else None,
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        log.info("SMTP reception listens.", action="listen", port=bound, tls=implicit_tls)
        return bound

    async def stop(self, grace: float) -> None:
        """Returns when every conversation has ended, or was ended after ``grace`` seconds."""
        self.stopping = True
        for conversation in list(self._here):
            conversation.interrupt()
        await self._emptied(grace)
        for conversation in list(self._here):
            conversation.abandon()
        for server in self._servers:
            server.close()
        await self._emptied(self.terms.linger)

    async def _emptied(self, seconds: float) -> None:
        if self._here:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()

    @property
    def stressed(self) -> bool:
        """Nearly full: who is slow has to go (CASES E10)."""
        return len(self._here) > STRESSED * self.terms.connections

    def enter(self, conversation: Conversation) -> None:
        """Raises what a client is told that there is no room for."""
        self._here.add(conversation)
        metrics.OPEN.inc()
        peer = neighbourhood(conversation.session.peer)
        self._addresses[peer] += 1
        if self.stopping:
            raise Unavailable("This server stops", code=421, enhanced="4.3.2")
        if len(self._here) > self.terms.connections or self._addresses[peer] > self.terms.per_address:
            raise Exhausted("Too many connections", code=421, enhanced="4.7.0")

    def leave(self, conversation: Conversation) -> None:
        if conversation not in self._here:
            return
        self._here.discard(conversation)
        if not self._here:
            self._empty.set()
        metrics.OPEN.dec()
        peer = neighbourhood(conversation.session.peer)
        self._addresses[peer] -= 1
        if self._addresses[peer] <= 0:
            del self._addresses[peer]

    async def obey(self, c: Conversation, line: bytes) -> None:
        """One command, one reply. Every failure is counted against the client, ours are not."""
        name = "other"
        try:
            given = self._read(c, line)
            if given is None:
                return
            verb, name = VERBS[given.verb], given.verb
            self._permit(c, verb)
            await verb.answer(c, given.argument)
        except Failure as failure:
            self._refused(c, failure)
        except Ended:
            raise
        except Exception:  # the command loop: one of the three places that catch all
            log.exception("A command failed for a reason of our own.", action="smtp", verb=name)
            ERRORS.labels("reception").inc()
            c.refuse(Internal("Internal error"))
        metrics.command(name, f"{c.code // 100}xx").inc()

    def _read(self, c: Conversation, line: bytes) -> command.Command | None:
        """None when the client is no mail client and was told so."""
        word = line.split(b" ", 1)[0].decode("ascii", "replace").upper()
        if word in STRANGE:
            c.closing = True
            c.say(421, "4.7.0", STRANGE[word])
            return None
        given = command.command(line)
        if given.verb not in VERBS:
            raise Invalid("Command not recognized", code=500, enhanced="5.5.2")
        return given

    def _permit(self, c: Conversation, verb: Verb) -> None:
        if verb.last and len(c.incoming):
            # RFC 2920 3.1, RFC 3207 4.2: sent before it could know the reply; with STARTTLS, perhaps by another
            c.incoming.clear()
            c.closing = True
            raise Invalid("Unauthorized pipelining", code=554, enhanced="5.5.0")
        if verb.junk:
            c.junk += 1
            if c.junk > self.terms.junk:
                c.closing = True
                raise Exhausted("Too many commands that do nothing", code=421, enhanced="4.7.0")
        if verb.after is After.HELO and not c.session.helo:
            raise Invalid("EHLO first", code=503, enhanced="5.5.1")

    def _refused(self, c: Conversation, failure: Failure) -> None:
        overshoot = failure.code == 452 and c.envelope is not None and self._overshot(c)
        c.errors += failure.code >= 500 or overshoot
        if c.errors >= self.terms.errors and not c.closing:  # CASES E11
            c.closing = True
            failure = Exhausted("Too many errors", code=421, enhanced="4.7.0")
        c.refuse(failure)

    def _overshot(self, c: Conversation) -> bool:
        c.overshoot += 1
        return c.overshoot > OVERSHOOT
