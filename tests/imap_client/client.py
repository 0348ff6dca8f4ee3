"""One connection to an IMAP server: commands out, responses in, one command at a time.

    client = await Client.connect("localhost", port, context)
    await client.login("alice@a.example", "secret")
    done = await client.command("UID FETCH 1:* (FLAGS)")          # raises Refused, Lost
    done.of("FETCH")[0].fetched()
    await client.command("APPEND INBOX ", Literal(letter))

``listener(response, command)`` hears everything at the moment when it comes; ``command`` is what is under way then, as
``UID FETCH``, or ``""``. Whoever waits longer than ``patience`` seconds gets TimeoutError.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self, cast

from tests.imap_client.responses import Inbox, Response

Listener = Callable[[Response, str], None]


class Lost(Exception):  # noqa: N818 - it happens
    """The connection has ended; ``args[0]`` is the BYE, if there was one."""


class Refused(Exception):  # noqa: N818 - the server's right
    """NO or BAD."""

    def __init__(self, command: str, answer: Answer) -> None:
        super().__init__(f"{command}: {answer.status.name} {answer.status.code} {answer.status.text!r}")
        self.answer, self.status = answer, answer.status


@dataclass(frozen=True)
class Literal:
    """``sync``: waits for ``+`` (RFC 9051 4.3); else ``{n+}`` (RFC 7888)."""

    octets: bytes
    sync: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``untagged``: in the order in which they came."""

    status: Response
    untagged: tuple[Response, ...]

    def of(self, name: str) -> list[Response]:
        """The data of that name, or the status responses with a code of that name."""
        return [one for one in self.untagged if name in {one.name, one.code_name}]

    def code(self, name: str) -> list[object] | None:
        """The words behind the name of a response code, tagged or untagged."""
        for one in (self.status, *self.untagged):
            if one.code_name == name:
                return list(one.code[1:])
        return None


class Client(asyncio.Protocol):
    def __init__(self, listener: Listener | None = None, patience: float = 60.0) -> None:
        self.listener, self.patience = listener, patience
        self.current = ""
        self.greeting: Response | None = None
        self._transport: asyncio.Transport
        self._inbox = Inbox()
        self._heard: deque[Response] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._bye = b""
        self._count = 0

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        context: ssl.SSLContext | None = None,
        *,
        listener: Listener | None = None,
        patience: float = 60.0,
        source: str = "",
    ) -> Self:
        """Returns behind the greeting. Raises OSError, Lost."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(patience):
            _, client = await loop.create_connection(
                lambda: cls(listener, patience),
                host,
                port,
                ssl=context,
                server_hostname="localhost" if context else None,
                local_addr=(source, 0) if source else None,
            )
            try:
                client.greeting = await client.next()
            except BaseException:
                client.close()
                raise
        return client

    # ── what asyncio calls ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._inbox.feed(data)
        try:
            while (one := self._inbox.next()) is not None:
                self._take(one)
        except ValueError as error:  # no IMAP
            self._error = error
            self._transport.abort()
        self._wake()

    def _take(self, one: Response) -> None:
        self._heard.append(one)
        if one.name == "BYE":
            self._bye = one.text or b"BYE"
        if self.listener is not None:
            self.listener(one, self.current)

    def connection_lost(self, error: Exception | None) -> None:
        self._error = self._error or Lost(self._bye.decode(errors="replace"))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ── reading ──

    async def next(self, seconds: float | None = None) -> Response:
        """What was said next, whatever it is. Raises Lost, ValueError (no IMAP), TimeoutError."""
        async with asyncio.timeout(self.patience if seconds is None else seconds):
            while not self._heard:
                if self._error is not None:
                    raise self._error
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
        return self._heard.popleft()

    async def until(self, wanted: Callable[[Response], object], seconds: float | None = None) -> Response:
        """The first that is wanted; what comes before it has been heard by the listener."""
        async with asyncio.timeout(self.patience if seconds is None else seconds):
            while not wanted(one := await self.next()):
                pass
        return one

    # ── commands ──

    def send(self, octets: bytes) -> None:
        self._transport.write(octets)

    async def command(self, *parts: str | bytes | Literal, ok: bool = True) -> Answer:
        """``ok``: NO and BAD raise Refused."""
        self._count += 1
        tag = b"t%d" % self._count
        first = parts[0] if isinstance(parts[0], str) else "raw"
        self._heard.clear()  # news between two commands were for the listener
        self.current = verb(first)
        try:
            answer = await self._converse(tag, parts)
        finally:
            self.current = ""
        if ok and answer.status.name != "OK":
            raise Refused(first, answer)
        return answer

    async def _converse(self, tag: bytes, parts: tuple[str | bytes | Literal, ...]) -> Answer:
        untagged: list[Response] = []
        held = tag + b" "
        for part in parts:
            if isinstance(part, Literal):
                self.send(held + b"{%d%b}\r\n" % (len(part.octets), b"" if part.sync else b"+"))
                held = part.octets
                if part.sync and (refusal := await self._until_tagged(tag, untagged, go_ahead=True)):
                    return Answer(status=refusal, untagged=tuple(untagged))
            else:
                held += part.encode() if isinstance(part, str) else part
        self.send(held + b"\r\n")
        status = await self._until_tagged(tag, untagged)
        if status is None:
            raise ValueError("a + that nobody asked for")
        return Answer(status=status, untagged=tuple(untagged))

    async def _until_tagged(
        self, tag: bytes, untagged: list[Response], *, go_ahead: bool = False
    ) -> Response | None:
        """None for a go-ahead."""
        while True:
            one = await self.next()
            if one.tag == b"*":
                untagged.append(one)
            elif one.tag == tag:
                return one
            elif one.tag == b"+" and go_ahead:
                return None
            else:
                raise ValueError(f"neither untagged nor for {tag!r}: {one!r:.200}")

    @asynccontextmanager
    async def idle(self) -> AsyncIterator[None]:
        """RFC 2177: within, use ``next`` and ``until``."""
        self._count += 1
        tag = b"t%d" % self._count
        self._heard.clear()
        self.current = "IDLE"
        try:
            self.send(tag + b" IDLE\r\n")
            if (refusal := await self._until_tagged(tag, [], go_ahead=True)) is not None:
                raise Refused("IDLE", Answer(status=refusal, untagged=()))
            yield
            self.send(b"DONE\r\n")
            status = await self._until_tagged(tag, [])
            if status is None or status.name != "OK":
                raise ValueError(f"behind DONE: {status!r}")
        finally:
            self.current = ""

    async def login(self, user: str, password: str) -> Answer:
        return await self.command("LOGIN ", quoted(user), b" ", quoted(password))

    async def starttls(self, context: ssl.SSLContext) -> None:
        await self.command("STARTTLS")
        loop = asyncio.get_running_loop()
        made = await loop.start_tls(self._transport, self, context, server_hostname="localhost")
        self._transport = cast("asyncio.Transport", made)

    async def logout(self) -> None:
        """Until the server has closed (RFC 9051 6.1.5)."""
        answer = await self.command("LOGOUT")
        if not answer.of("BYE"):
            raise ValueError("LOGOUT without BYE")
        async with asyncio.timeout(self.patience):
            while self._error is None:
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter

    def close(self) -> None:
        """At once."""
        self._transport.abort()


def verb(command: str) -> str:
    """``UID FETCH`` of ``uid fetch 1:* (FLAGS)``."""
    words = command.upper().split()
    return " ".join(words[: 2 if words[0] == "UID" else 1])


def quoted(text: str) -> bytes:
    return b'"' + text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
