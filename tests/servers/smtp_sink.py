"""A scripted SMTP sink: it takes letters, or behaves as badly as it is told to.

It shares no code with Yubin, so that a mistake of ours is not made twice. Without a script it accepts everything. A
script maps a stage (banner ehlo helo starttls mail rcpt data dot rset noop quit) to what is done there: a reply, a
``Do``, a list of them taken one after the other (then the sink is itself again), or a function of the argument that
gives one of these or None. Junk is a reply in bytes.

    async with Sink(script={"rcpt": ["250 ok", "450 4.2.1 later"]}) as sink:
        ... sink.port, sink.letters, sink.peak

    python -m tests.servers.smtp_sink --port 2525 --log letters.jsonl --script script.json
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest_asyncio

EXTENSIONS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*(?:\r\n[ \t]+)?(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Do:
    """``reply`` is sent after ``delay`` seconds, as it is when bytes, with CRLF when text; None says nothing.

    ``drip``: seconds between single bytes. ``take`` makes a refused dot or a silent one count as accepted. Then the
    connection is closed (``close``), reset (``reset``), or left hanging with nothing more said (``hang``).
    """

    reply: str | bytes | None = None
    delay: float = 0.0
    drip: float = 0.0
    take: bool = False
    close: bool = False
    reset: bool = False
    hang: bool = False


Action = str | bytes | Do | None
Rule = Action | list[Action] | Callable[[str], Action]


@dataclass(frozen=True, kw_only=True)
class Received:
    """``body`` is what was between 354 and the dot, dots unstuffed; ``raw`` the same as it came over the wire."""

    mail_from: str
    mail_params: tuple[str, ...]
    rcpts: tuple[str, ...]
    rcpt_params: tuple[tuple[str, ...], ...]
    body: bytes
    raw: bytes
    tls: str
    connection: int
    at: float

    @property
    def message_id(self) -> str:
        found = MESSAGE_ID.search(self.body[: self.body.find(b"\r\n\r\n") + 2 or None])
        return found[1].decode("ascii", "replace") if found else ""

    def line(self) -> str:
        """For the log: one JSON object."""
        return json.dumps(
            {
                "mail_from": self.mail_from,
                "rcpts": self.rcpts,
                "sha256": hashlib.sha256(self.body).hexdigest(),
                "message_id": self.message_id,
                "size": len(self.body),
                "tls": self.tls,
                "at": self.at,
            }
        )


@dataclass
class Sink:
    """``commands`` is every command line of every connection; ``now`` and ``peak`` count connections."""

    script: Mapping[str, Rule] = field(default_factory=dict)
    extensions: tuple[str, ...] = EXTENSIONS
    tls: ssl.SSLContext | None = None
    log: Path | None = None
    keep: bool = True
    address: str = "127.0.0.1"
    port: int = 0
    letters: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    now: int = 0
    peak: int = 0

    async def __aenter__(self) -> Self:
        self._turns: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._file = self.log.open("a", encoding="utf-8") if self.log else None
        self._server = await asyncio.start_server(self._on_connection, self.address, self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._file:
            self._file.close()

    def take(self, letter: Received) -> None:
        if self.keep:
            self.letters.append(letter)
        if self._file:
            self._file.write(letter.line() + "\n")
            self._file.flush()

    def action(self, stage: str, argument: str) -> Action:
        rule = self.script.get(stage)
        if isinstance(rule, list):
            turn = self._turns[stage]
            self._turns[stage] += 1
            return rule[turn] if turn < len(rule) else None
        return rule(argument) if callable(rule) else rule

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            with suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError, End):
                await Conversation(self, reader, writer, self.connections).run()
        finally:
            self.now -= 1
            self._tasks.discard(task)
            writer.transport.abort()


class End(Exception):  # noqa: N818 - it is not an error
    """The connection is over."""


class Conversation:
    def __init__(
        self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.sink, self.reader, self.writer, self.number = sink, reader, writer, number
        self.buffer = bytearray()
        self.tls = ""
        self.reset()

    def reset(self) -> None:
        self.mail: str | None = None
        self.mail_params: tuple[str, ...] = ()
        self.rcpts: list[str] = []
        self.rcpt_params: list[tuple[str, ...]] = []

    async def run(self) -> None:
        await self.say("banner", "", "220 sink.test ESMTP")
        while True:
            line = (await self.until(b"\r\n"))[:-2].decode("utf-8", "surrogateescape")
            self.sink.commands.append(line)
            verb, _, argument = line.partition(" ")
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None:
                await self.send("500 5.5.1 what?")
            else:
                await handler(argument)

    # ── verbs ──

    async def on_ehlo(self, argument: str) -> None:
        names = list(self.sink.extensions)
        if self.sink.tls and not self.tls:
            names.append("STARTTLS")
        lines = ["sink.test", *names]
        text = "\r\n".join(f"250{' ' if n == len(lines) - 1 else '-'}{line}" for n, line in enumerate(lines))
        self.reset()
        await self.say("ehlo", argument, text)

    async def on_helo(self, argument: str) -> None:
        self.reset()
        await self.say("helo", argument, "250 sink.test")

    async def on_starttls(self, argument: str) -> None:
        if not await self.say("starttls", argument, "220 2.0.0 go on") or self.sink.tls is None:
            return
        self.buffer.clear()
        await self.writer.start_tls(self.sink.tls)
        self.tls = self.writer.get_extra_info("cipher")[1]
        self.reset()

    async def on_mail(self, argument: str) -> None:
        if await self.say("mail", argument, "250 2.1.0 ok"):
            path, *params = _path(argument)
            self.mail, self.mail_params = path, tuple(params)

    async def on_rcpt(self, argument: str) -> None:
        if self.mail is None:
            await self.send("503 5.5.1 MAIL first")
        elif await self.say("rcpt", argument, "250 2.1.5 ok"):
            path, *params = _path(argument)
            self.rcpts.append(path)
            self.rcpt_params.append(tuple(params))

    async def on_data(self, argument: str) -> None:
        if not self.rcpts and "data" not in self.sink.script:
            await self.send("554 5.5.1 no valid recipients")
            return
        if not await self.say("data", argument, "354 go on"):
            return
        raw = await self.body()
        letter = self.letter(raw)
        if letter.rcpts:
            await self.end(letter)
        else:
            await self.send("554 5.5.1 no valid recipients")
        self.reset()

    async def end(self, letter: Received) -> None:
        action = _do(self.sink.action("dot", ""), f"250 2.0.0 ok {len(self.sink.letters)}")
        if action.take or _positive(action.reply):
            self.sink.take(letter)
        await self.perform(action)

    async def on_rset(self, argument: str) -> None:
        self.reset()
        await self.say("rset", argument, "250 2.0.0 ok")

    async def on_noop(self, argument: str) -> None:
        await self.say("noop", argument, "250 2.0.0 ok")

    async def on_quit(self, argument: str) -> None:
        await self.say("quit", argument, "221 2.0.0 bye")
        raise End

    # ── bytes ──

    def letter(self, raw: bytes) -> Received:
        body = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:]
        return Received(
            mail_from=self.mail or "",
            mail_params=self.mail_params,
            rcpts=tuple(self.rcpts),
            rcpt_params=tuple(self.rcpt_params),
            body=body,
            raw=raw,
            tls=self.tls,
            connection=self.number,
            at=time.time(),
        )

    async def body(self) -> bytes:
        first = await self.until(b"\n")
        if first == b".\r\n":
            return b""
        self.buffer[:0] = first
        return (await self.until(b"\r\n.\r\n"))[:-3]

    async def until(self, end: bytes) -> bytes:
        scanned = 0
        while (at := self.buffer.find(end, scanned)) < 0:
            scanned = max(0, len(self.buffer) - len(end) + 1)
            if not (data := await self.reader.read(1 << 18)):
                raise End
            self.buffer += data
        taken = bytes(self.buffer[: at + len(end)])
        del self.buffer[: at + len(end)]
        return taken

    async def say(self, stage: str, argument: str, default: str) -> bool:
        """True when what was said is a 2xx or 3xx."""
        action = _do(self.sink.action(stage, argument), default)
        await self.perform(action)
        return _positive(action.reply)

    async def perform(self, action: Do) -> None:
        if action.delay:
            await asyncio.sleep(action.delay)
        if action.reply is not None:
            await self.send(action.reply, action.drip)
        if action.hang:
            await asyncio.sleep(3600)
        if action.reset:
            linger = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.writer.transport.abort()
        if action.close or action.reset:
            raise End

    async def send(self, reply: str | bytes, drip: float = 0.0) -> None:
        data = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        for byte in data if drip else ():
            self.writer.write(bytes([byte]))
            await asyncio.sleep(drip)
        if not drip:
            self.writer.write(data)
        await self.writer.drain()


def _path(argument: str) -> list[str]:
    _, _, rest = argument.partition(":")
    path, _, params = rest.strip()[1:].partition(">")
    return [path, *params.split()]


def _do(action: Action, default: str) -> Do:
    if isinstance(action, Do):
        return action
    return Do(reply=default if action is None else action)


def _positive(reply: str | bytes | None) -> bool:
    return reply is not None and reply[:1] in ("2", "3", b"2", b"3")


@pytest_asyncio.fixture
async def smtp_sink() -> AsyncIterator[Callable[..., object]]:
    """A function that starts sinks in the test's loop; they end with the test."""
    started: list[Sink] = []

    async def start(**options: object) -> Sink:
        sink = await Sink(**options).__aenter__()  # type: ignore[arg-type]
        started.append(sink)
        return sink

    yield start
    for sink in started:
        await sink.__aexit__()


@contextmanager
def sink_thread(**options: object) -> Iterator[Sink]:
    """A sink in a thread of its own, for tests that are no coroutines."""
    sink, loop, stop = Sink(**options), asyncio.new_event_loop(), asyncio.Event()  # type: ignore[arg-type]
    ready = threading.Event()

    async def serve() -> None:
        async with sink:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@asynccontextmanager
async def served(arguments: argparse.Namespace) -> AsyncIterator[Sink]:
    script = json.loads(arguments.script.read_text()) if arguments.script else {}
    context = None
    if arguments.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert, arguments.key)
    options = {"script": script, "tls": context, "log": arguments.log, "keep": False}
    async with Sink(port=arguments.port, address=arguments.address, **options) as sink:
        yield sink


async def main(arguments: argparse.Namespace) -> None:
    async with served(arguments) as sink:
        print(sink.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--log", type=Path, help="a JSON line for each accepted letter")
    parser.add_argument("--script", type=Path, help="JSON: stage to reply or list of replies")
    parser.add_argument("--cert", type=Path, help="offer STARTTLS with this certificate")
    parser.add_argument("--key", type=Path)
    with suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args(sys.argv[1:])))
