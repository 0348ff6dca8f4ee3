"""An SMTP client that says exactly what it is told to: how tests talk to a reception."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from dataclasses import dataclass
from typing import Self

WAIT = 15.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Code, enhanced code and text of the last line."""
        return f"{self.code} {self.lines[-1]}"

    def __contains__(self, part: str) -> bool:
        return any(part in line for line in self.lines)


class Dialogue:
    """``async with Dialogue(port) as talk``; the greeting is in ``talk.greeting``."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, source: str | None = None) -> None:
        """``source`` is the loopback address that the client comes from."""
        self._port, self._tls, self._source = port, tls, source

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1",
            self._port,
            ssl=self._tls,
            server_hostname="localhost" if self._tls else None,
            local_addr=(self._source, 0) if self._source else None,
        )
        self.greeting = await self.reply()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(WAIT):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            pass

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def reply(self) -> Reply:
        """The next one; raises EOFError when the server has closed."""
        lines: list[str] = []
        async with asyncio.timeout(WAIT):
            while True:
                line = (await self.reader.readline()).decode()
                if not line.endswith("\r\n"):
                    raise EOFError(line)
                lines.append(line[4:-2])
                if line[3] == " ":
                    return Reply(code=int(line[:3]), lines=tuple(lines))

    async def say(self, *commands: str) -> Reply:
        """Sends all at once and gives the reply to the last one."""
        self.send("".join(f"{command}\r\n" for command in commands).encode())
        return [await self.reply() for _ in commands][-1]

    async def ended(self) -> bytes:
        """What the server still says until it closes; raises TimeoutError when it does not."""
        async with asyncio.timeout(WAIT):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def starttls(self, context: ssl.SSLContext) -> None:
        assert (await self.say("STARTTLS")).code == 220
        await self.writer.start_tls(context, server_hostname="localhost")

    async def login(self, name: str, password: str) -> Reply:
        return await self.say(f"AUTH PLAIN {plain(name, password)}")

    async def letter(self, content: bytes) -> Reply:
        """DATA, and the reply behind the dot; ``content`` is sent as it is."""
        assert (await self.say("DATA")).code == 354
        self.send(content + b".\r\n")
        return await self.reply()


def plain(name: str, password: str) -> str:
    """A PLAIN response (RFC 4616)."""
    return b64encode(f"\0{name}\0{password}".encode()).decode()
