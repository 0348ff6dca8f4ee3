"""One IMAP session as its verbs see it: who is there, what is selected, what the client has enabled, and its octets.

A verb is ``async def handle(session, request) -> Reply`` (replies.py). It writes untagged responses with ``write``, and
calls ``flush`` now and then when it writes many: that waits while the client does not read. For a letter that is
appended the conversation calls ``receive(session, message) -> Reply`` of the verb: it answers ``session.reader.accept()``
or ``refuse()`` and takes what follows with ``event()``, up to the Request (or Syntax) that ends the command.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from services.gateway.connection import Connection
from services.gateway.imap.stream import Stream
from yubin.accounts.port import Identity
from yubin.errors import Internal
from yubin.imap.events import Broken, Event, Line
from yubin.imap.limits import Limits
from yubin.imap.reader import Reader
from yubin.mailboxes.account import Account

if TYPE_CHECKING:
    from services.gateway.imap.notify import Notify
    from services.gateway.imap.selected import Selected
    from services.gateway.imap.service import Imap
    from services.gateway.imap.visit import Visit
    from services.gateway.imap.watch import Watching


class State(Enum):
    """RFC 9051 3."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


class Unintelligible(Exception):  # noqa: N818 - it ends the conversation
    """The reader cannot go on: BYE."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.text)
        self.broken = broken


class Session:
    """``limits`` are the reader's. ``enabled`` has what ENABLE and the commands that imply it have switched on."""

    def __init__(self, house: Imap, connection: Connection) -> None:
        self.house, self.connection = house, connection
        self.limits: Limits = house.limits
        self.reader = Reader(house.limits)
        self.stream = Stream(connection)
        self.visit: Visit | None = None
        self.selected: Selected | None = None
        self.enabled: set[str] = set()
        self.notify: Notify | None = None
        self.watching: Watching | None = None
        self.known: dict[str, int] = {}  # ids of mailboxes by name (folders.py)
        self.commands = 0
        self.over = False
        self.failures = 0  # logins that failed
        self.until = 0.0  # when it is logged out for saying nothing, by the loop's clock

    # ── who and what ──

    @property
    def state(self) -> State:
        if self.over:
            return State.LOGOUT
        if self.visit is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.selected is None else State.SELECTED

    @property
    def account(self) -> Account:
        return self._inside().account

    @property
    def identity(self) -> Identity:
        return self._inside().identity

    def token(self) -> str:
        """With which the mailbox pods are asked; the one that holds now."""
        return self._inside().token

    @property
    def quota(self) -> int:
        """Octets; 0: none."""
        return self.identity.limits.quota or self.house.quota

    @property
    def rev2(self) -> bool:
        return "IMAP4REV2" in self.enabled

    @property
    def utf8(self) -> bool:
        """Strings may hold UTF-8, names are not in modified UTF-7 (RFC 6855 3, RFC 9051 5.1)."""
        return "UTF8=ACCEPT" in self.enabled or self.rev2

    @property
    def condstore(self) -> bool:
        """FETCH responses have MODSEQ (RFC 7162 3.1)."""
        return "CONDSTORE" in self.enabled or "QRESYNC" in self.enabled

    @property
    def qresync(self) -> bool:
        """VANISHED in place of EXPUNGE (RFC 7162 3.2.10)."""
        return "QRESYNC" in self.enabled

    @property
    def box(self) -> Selected:
        """The selected mailbox, where the state table has let in selected sessions only."""
        if self.selected is None:
            raise Internal("no mailbox is selected")
        return self.selected

    def _inside(self) -> Visit:
        if self.visit is None:
            raise Internal("nobody has logged in")
        return self.visit

    def enable(self, *names: str) -> None:
        """In upper case, as ENABLE has them."""
        self.enabled.update(names)
        self.reader.utf8 = self.utf8

    def watched(self) -> Watching:
        """News of this account from now on."""
        if self.watching is None:
            self.watching = self.house.watch.enter(
                self.identity.account, self.token, self.connection.nudge, self.knows
            )
        return self.watching

    def knows(self, mailbox_id: int, modseq: int) -> bool:
        """That the client has been told of such a change (watch.py)."""
        selected = self.selected
        return selected is not None and selected.mailbox.id == mailbox_id and selected.knows(modseq)

    # ── octets ──

    def write(self, octets: bytes) -> None:
        self.stream.write(octets)

    async def flush(self) -> None:
        """Raises Ended, when the client reads nothing for as long as it may be silent."""
        await self.stream.flush(self.house.idle)

    async def breathe(self) -> None:
        """Flushes when much has been gathered: for whoever writes in a loop."""
        if self.stream.crowded:
            await self.flush()

    async def more(self) -> bool:
        """Feeds the reader; False when there was nothing but a nudge. Raises Ended."""
        await self.flush()
        octets = await self.stream.read(max(0.0, self.until - self.house.clock()))
        if octets:
            self.reader.feed(octets)
        return bool(octets)

    async def event(self) -> Event:
        """What comes next in the same command. Raises Ended, Unintelligible."""
        while (event := self.reader.next()) is None:
            await self.more()
        if isinstance(event, Broken):
            raise Unintelligible(event)
        return event

    async def line(self) -> bytes:
        """A line of its own, as AUTHENTICATE waits for; the reader is in raw mode for that long."""
        self.reader.raw(True)
        try:
            event = await self.event()
        finally:
            self.reader.raw(False)
        if not isinstance(event, Line):
            raise Internal("the reader gave no line")
        return event.octets

    # ── what changes the connection ──

    async def start_tls(self) -> None:
        """What came in clear is forgotten, also by the reader (RFC 9051 6.2.1)."""
        await self.connection.start_tls()
        self.reader = Reader(self.limits)

    async def compress(self) -> None:
        """What the client has sent behind its command is compressed already (RFC 4978 3)."""
        self.stream.compress(self.reader.take())
        self.connection.sealed = self.stream.sealed

    async def uncompress(self) -> None:
        """RFC 8437 4: behind the OK."""
        self.stream.plain()
        self.connection.sealed = bytes

    def forget(self) -> None:
        """UNAUTHENTICATE: what was enabled is not any longer (RFC 8437 4)."""
        self.enabled.clear()
        behind = self.reader.take()
        self.reader = Reader(self.limits)
        self.reader.feed(behind)
        self.until = self.house.clock() + self.house.login_timeout
