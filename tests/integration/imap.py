"""IMAP in this process over mailboxes of this process; and a client that says exactly what it is told to."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace

from services.gateway.gateway import Gateway
from services.gateway.imap.service import Imap
from services.gateway.imap.watch import Watch
from services.gateway.leases import Leases
from services.gateway.limits import Limits as Room
from services.gateway.sessions import Passes
from tests.integration.gateway import ALICE, BOB, PASSWORD, WAIT, Watched, letter
from tests.integration.gateway import House as Pop3House
from yubin.imap.limits import Limits

__all__ = ["ALICE", "BOB", "PASSWORD", "WAIT", "House", "Talk", "letter"]
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class House(Pop3House):
    """``async with house.imap(…) as imap`` starts a gateway, ``house.session()`` one with a client that has logged in."""

    @property
    def hints(self):
        return self.storage.hints

    async def deliver(self, *letters, account=ALICE, hint=True):
        await super().deliver(*letters, account=account)
        if hint:
            self.hints.publish(account, 1, 0, 0)

    @asynccontextmanager
    async def imap(self, *, room=None, limits=None, **options):
        running = Running(self, room or {}, limits or {}, options)
        await running.start()
        try:
            yield running
        finally:
            await running.stop()

    @asynccontextmanager
    async def session(self, login=ALICE, **options):
        async with self.imap(**options) as imap, imap.session(login) as talk:
            yield talk


class Running:
    def __init__(self, house, room, limits, options):
        loop = asyncio.get_running_loop()
        self.house, self.now = house, loop.time
        self.passes = Passes(house.renewals, lambda: self.now())  # noqa: PLW0108 - tests change it
        self.leases = Leases()
        self.compared = []
        self.watch = Watch(house.hints, self.compare)
        self.imap = Imap(
            hostname="mail.a.example",
            starttls=True,
            authenticator=house.doorman,
            account=lambda token: Watched(house, token),
            passes=self.passes,
            leases=self.leases,
            watch=self.watch,
            limits=replace(Limits(), **limits),
            **options,
        )
        self.gateway = Gateway(replace(Room(), **room), house.context)

    async def compare(self, items):
        self.compared.append(list(items))
        pairs = [(token.split()[1], mailbox_id) for token, mailbox_id in items]
        found = await self.house.mailboxes.modseqs(pairs)
        return [found.get(pair) for pair in pairs]

    async def start(self):
        self.clear = await self.gateway.listen(self.imap, "127.0.0.1", 0)
        self.tls = await self.gateway.listen(self.imap, "127.0.0.1", 0, implicit_tls=True)

    async def stop(self, grace=5.0):
        await self.gateway.stop(grace)

    def client(self):
        """Behind TLS."""
        return Talk(self.tls, self.house.trust)

    @asynccontextmanager
    async def session(self, login=ALICE, mailbox=""):
        """Behind the login; with ``mailbox``, behind SELECT."""
        async with self.client() as talk:
            await talk.ok(f'LOGIN {login} "{PASSWORD}"')
            if mailbox:
                await talk.ok(f"SELECT {mailbox}")
            yield talk


class Talk:
    """``async with Talk(port) as talk``; the greeting is in ``talk.greeting``. Lines are without their CRLF."""

    def __init__(self, port, trust=None):
        self._port, self._trust, self._tags = port, trust, 0

    async def __aenter__(self):
        name = "localhost" if self._trust else None
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._trust, server_hostname=name
        )
        self.greeting = await self.line()
        return self

    async def __aexit__(self, *_):
        self.writer.close()
        try:
            async with asyncio.timeout(WAIT):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            pass

    def send(self, text):
        """A line, or octets as they are."""
        self.writer.write(text if isinstance(text, bytes) else f"{text}\r\n".encode())

    async def octets(self):
        """A response with its literals."""
        whole = b""
        async with asyncio.timeout(WAIT):
            while True:
                whole += await self.reader.readline()
                found = _LITERAL.search(whole)
                if found is None:
                    break
                whole += await self.reader.readexactly(int(found[1]))
        if not whole.endswith(b"\r\n"):
            raise EOFError(whole)
        return whole

    async def line(self):
        return (await self.octets())[:-2].decode()

    async def until(self, start):
        """Lines up to the one that begins so, which is the last."""
        lines = []
        while not lines or not lines[-1].startswith(start):
            lines.append(await self.line())
        return lines

    async def say(self, command):
        """All that is answered; the tagged line is the last, and has no tag."""
        self._tags += 1
        tag = f"a{self._tags}"
        self.send(f"{tag} {command}")
        lines = await self.until(f"{tag} ")
        return [*lines[:-1], lines[-1].removeprefix(f"{tag} ")]

    async def ok(self, command):
        """The untagged responses of a command that succeeds."""
        *lines, last = await self.say(command)
        assert last.startswith("OK "), (command, lines, last)
        return lines

    async def no(self, command):
        """The tagged line of one that does not."""
        last = (await self.say(command))[-1]
        assert not last.startswith("OK "), (command, last)
        return last

    async def starttls(self, trust):
        await self.ok("STARTTLS")
        await self.writer.start_tls(trust, server_hostname="localhost")

    async def idle(self):
        """Begins to idle."""
        self.send("idle IDLE")
        return await self.until("+ ")

    async def done(self):
        self.send("DONE")
        return await self.until("idle ")

    async def silent(self, seconds=0.2):
        """True when nothing comes."""
        try:
            async with asyncio.timeout(seconds):
                raise AssertionError(await self.octets())
        except TimeoutError:
            return True

    async def ended(self):
        """What the server still says until it closes; raises TimeoutError when it does not."""
        async with asyncio.timeout(WAIT):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""
