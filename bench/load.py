"""The load: N letters over C connections, each waiting for its 250; the same program for ours and for the peer.

usage: python -m bench.load PORT [--letters N] [--connections C] [--user U --password P] [--one] [--lmtp] [--sender A] [--to A]

``{}`` in the recipient's address is the number of the connection, so that each has a mailbox of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time

import click

from bench.letters import letters

MAX_REPLY = 65_536


class Line:
    """One client connection: EHLO, perhaps AUTH PLAIN, then letters with PIPELINING."""

    def __init__(self, port: int, auth: bytes | None, hello: bytes) -> None:
        self.port = port
        self.auth = auth
        self.hello = hello
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=MAX_REPLY)
        await self.expect(b"2")
        await self.say(self.hello + b" load.example\r\n", b"2")
        if self.auth:
            await self.say(b"AUTH PLAIN " + self.auth + b"\r\n", b"2")

    async def say(self, line: bytes, want: bytes) -> bytes:
        self.writer.write(line)
        return await self.expect(want)

    async def expect(self, want: bytes) -> bytes:
        while True:
            line = await self.reader.readline()
            if line[3:4] != b"-":
                if not line.startswith(want):
                    raise RuntimeError(f"wanted {want!r}, got {line!r}")
                return line

    async def send(self, sender: bytes, recipient: bytes, data: bytes) -> bytes:
        self.writer.write(b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender, recipient))
        await self.expect(b"250")
        await self.expect(b"250")
        await self.expect(b"354")
        self.writer.write(data + b".\r\n")
        return await self.expect(b"250")

    async def close(self) -> None:
        self.writer.write(b"QUIT\r\n")
        await self.reader.read()
        self.writer.close()


async def run(
    port: int,
    count: int,
    connections: int,
    auth: bytes | None,
    *,
    one: bool,
    hello: bytes,
    sender: str,
    to: str,
) -> dict[str, float]:
    made = letters(min(count, 1000), sender, to.format(0))
    work = iter(range(count))

    async def client(number: int) -> None:
        line: Line | None = None
        for i in work:
            if line is None:
                line = Line(port, auth, hello)
                await line.open()
            await line.send(sender.encode(), to.format(number).encode(), made[i % len(made)])
            if one:
                await line.close()
                line = None
        if line is not None:
            await line.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(client(number))
    took = time.perf_counter() - began
    return {"letters": count, "seconds": round(took, 3), "per_second": round(count / took, 1)}


@click.command()
@click.argument("port", type=int)
@click.option("--letters", "count", default=3000)
@click.option("--connections", default=20)
@click.option("--user")
@click.option("--password")
@click.option("--one", is_flag=True, help="one connection for each letter")
@click.option("--lmtp", is_flag=True, help="LMTP (RFC 2033) instead of SMTP")
@click.option("--sender", default="alice@demo.example")
@click.option("--to", default="b@sink.example")
def main(
    port: int,
    count: int,
    connections: int,
    user: str | None,
    password: str | None,
    one: bool,
    lmtp: bool,
    sender: str,
    to: str,
) -> None:
    """Send letters to 127.0.0.1:PORT and print how long it took."""
    auth = base64.b64encode(f"\0{user}\0{password}".encode()) if user else None
    hello = b"LHLO" if lmtp else b"EHLO"
    work = run(port, count, connections, auth, one=one, hello=hello, sender=sender, to=to)
    print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    main()
