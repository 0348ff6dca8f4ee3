"""A gateway, twice: in this process over mailboxes of this process, and as the pod; and a POP3 client that says exactly
what it is told to.
"""

import asyncio
import hashlib
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from services.gateway.gateway import Gateway
from services.gateway.leases import Leases
from services.gateway.limits import Limits
from services.gateway.pop3.service import Pop3
from services.gateway.pop3.shelf import Shelf
from services.gateway.sessions import Passes
from services.mailbox.local import LocalAccount
from services.mailbox.storage import Storage
from tests.integration.pod import Pod
from tests.servers.ports import free_ports
from yubin.accounts.port import Identity
from yubin.accounts.port import Limits as AccountLimits
from yubin.errors import Unauthenticated, Unavailable
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.port import ROW_LIMIT, NewLetter, Parsed
from yubin.objects.memory import MemoryObjects
from yubin.pop3.dialogue import Terms
from yubin.runtime.certificates import issue

ALICE, BOB, PASSWORD = "alice@a.example", "bob@a.example", "correct horse"
PARSED = Parsed(envelope=b"", structure=b"", summary=b"", thread="")
WAIT = 15.0


class Doorman:
    """An Authenticator for two people, whose tokens name the account."""

    def __init__(self):
        self.asked, self.away = [], False

    async def authenticate(self, login, password, *, peer, service):
        self.asked.append((login, peer, service))
        if self.away:
            raise Unavailable("Temporary authentication failure", code=454, enhanced="4.7.0")
        if login.lower() not in {ALICE, BOB} or password != PASSWORD:
            raise Unauthenticated("Authentication credentials invalid")
        account = login.lower()
        return Identity(
            tenant="acme",
            account=account,
            login=account,
            senders=frozenset({account}),
            sender_domains=frozenset(),
            limits=AccountLimits(),
            session=f"token-1 {account}",
            session_for=600.0,
        )


class Renewals:
    """Sessions, of which ``ended`` accounts get no other."""

    def __init__(self):
        self.ended, self.asked, self.away = set(), [], False

    async def renew(self, sessions):
        self.asked.append(list(sessions))
        if self.away:
            raise Unavailable("Away")
        return tuple("" if s.split()[1] in self.ended else s.replace("token-1", "token-2") for s in sessions)


class Watched:
    """LocalAccount, counting calls; those named in ``trouble`` raise what is there, once for each entry."""

    def __init__(self, house, token):
        self._house, self._token = house, token

    def __getattr__(self, name):
        method = getattr(LocalAccount(self._token().split()[1], 0, self._house.storage), name)

        def call(*arguments, **options):
            self._house.calls.append((name, arguments))
            self._house.tokens.add(self._token())
            pending = self._house.trouble.get(name)
            failure = pending.pop(0) if pending else None
            if name in {"view", "columns", "rows", "letters", "body"}:
                return _stream(method(*arguments, **options), failure)
            return _unary(method(*arguments, **options), failure)

        return call


async def _unary(answer, failure):
    if failure is not None:
        answer.close()
        raise failure
    return await answer


async def _stream(answer, failure):
    """A failure comes behind the first piece."""
    async for part in answer:
        yield part
        if failure is not None:
            raise failure
    if failure is not None:
        raise failure


class House:
    """The mailboxes and everything around a gateway; ``async with house.gateway(…) as pop`` starts one of perhaps many."""

    def __init__(self, folder):
        self.later = 0.0  # seconds by which the store's clock is ahead
        self.mailboxes = MemoryMailboxes(clock=lambda: time.time() + self.later)
        self.storage = Storage(self.mailboxes, MemoryObjects())
        self.doorman, self.renewals = Doorman(), Renewals()
        self.calls, self.tokens, self.trouble = [], set(), {}
        mail = issue(folder, "mail", ("localhost", "127.0.0.1"))
        self.ca = mail.ca
        self.trust = ssl.create_default_context(cafile=str(mail.ca))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(mail.cert, mail.key)

    async def deliver(self, *letters, account=ALICE):
        for letter in letters:
            name = ""
            if len(letter) > ROW_LIMIT:
                name = f"mailbox/{uuid4()}"
                await self.storage.objects.put(name, letter)
            (done,) = await self.mailboxes.deliver([_new(account, letter, name)])
            assert not isinstance(done, Exception), done

    async def inbox(self, account=ALICE):
        """(UID, flags) of each message."""
        page = await self.mailboxes.view(account, 1)
        return list(zip(page.uids, page.flags, strict=True))

    def made(self, name):
        return [arguments for called, arguments in self.calls if called == name]

    @asynccontextmanager
    async def gateway(self, *, limits=None, terms=None, **options):
        running = Running(self, limits or {}, terms or {}, options)
        await running.start()
        try:
            yield running
        finally:
            await running.stop()


class Running:
    def __init__(self, house, limits, terms, options):
        loop = asyncio.get_running_loop()
        self.house, self.now = house, loop.time
        self.passes = Passes(house.renewals, lambda: self.now())  # noqa: PLW0108 - tests change it
        self.leases = Leases()
        self.pop3 = Pop3(
            terms=replace(Terms(hostname="mail.a.example"), **terms),
            authenticator=house.doorman,
            account=lambda token: Watched(house, token),
            passes=self.passes,
            leases=self.leases,
            shelf=Shelf(options.pop("read_ahead", 2**26)),
            **options,
        )
        self.gateway = Gateway(replace(Limits(), **limits), house.context)

    async def start(self):
        self.clear = await self.gateway.listen(self.pop3, "127.0.0.1", 0)
        self.tls = await self.gateway.listen(self.pop3, "127.0.0.1", 0, implicit_tls=True)

    async def stop(self, grace=5.0):
        await self.gateway.stop(grace)

    def client(self):
        """Behind TLS."""
        return Talk(self.tls, self.house.trust)

    @asynccontextmanager
    async def session(self, login=ALICE):
        """Behind the login."""
        async with self.client() as talk:
            assert (await talk.login(login)).startswith("+OK"), talk
            yield talk


class Talk:
    """``async with Talk(port) as talk``; the greeting is in ``talk.greeting``."""

    def __init__(self, port, trust=None):
        self._port, self._trust = port, trust

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

    def send(self, *commands):
        self.writer.write("".join(f"{command}\r\n" for command in commands).encode())

    async def line(self):
        async with asyncio.timeout(WAIT):
            line = (await self.reader.readline()).decode()
        if not line.endswith("\r\n"):
            raise EOFError(line)
        return line[:-2]

    async def say(self, *commands):
        """Sends all at once and gives the last reply's line."""
        self.send(*commands)
        return [await self.line() for _ in commands][-1]

    async def listing(self, command):
        """The lines of a multi-line response."""
        first = await self.say(command)
        assert first.startswith("+OK"), first
        lines = []
        while (line := await self.line()) != ".":
            lines.append(line)
        return lines

    async def letter(self, command):
        """A message without its stuffing, or the line that says why not."""
        first = await self.say(command)
        return await self.body() if first.startswith("+OK") else first

    async def body(self):
        """What stands between +OK and the final dot."""
        lines = []
        async with asyncio.timeout(WAIT):
            while (line := await self.reader.readline()) != b".\r\n":
                assert line.endswith(b"\r\n"), line
                lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        return b"".join(lines)

    async def login(self, name, password=PASSWORD):
        return await self.say(f"USER {name}", f"PASS {password}")

    async def stls(self, trust):
        assert (await self.say("STLS")).startswith("+OK")
        await self.writer.start_tls(trust, server_hostname="localhost")

    async def ended(self):
        """What the server still says until it closes; raises TimeoutError when it does not."""
        async with asyncio.timeout(WAIT):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


def _new(account, letter, name):
    return NewLetter(
        account=account,
        delivery_id=uuid4(),
        letter_id=uuid4(),
        body=None if name else letter,
        object=name,
        size=len(letter),
        sha256=hashlib.sha256(letter).digest(),
        parsed=PARSED,
    )


def letter(number, size=500):
    """A letter of at least ``size`` octets, with a line that begins with a dot."""
    head = f"From: a@b.example\r\nSubject: number {number}\r\n\r\n.dot\r\n".encode()
    line = f"{number} ".encode() + b"x" * 68 + b"\r\n"
    return head + line * max(1, (size - len(head)) // len(line) + 1)


class GatewayPod(Pod):
    """Beside a directory and a mailbox pod."""

    name = "gateway"

    def __init__(self, folder, directory, mailbox_port, *, name="gateway", **settings):
        self.pop3, self.pop3s, self.imap, self.imaps = free_ports(4)
        mail = issue(directory.certificates, "mail", ("localhost", "127.0.0.1"))
        self.ca = mail.ca
        self.trust = ssl.create_default_context(cafile=str(mail.ca))
        given = {
            "YUBIN_HOSTNAME": "mail.a.example",
            "YUBIN_POP3_LISTEN": f"127.0.0.1:{self.pop3}",
            "YUBIN_POP3S_LISTEN": f"127.0.0.1:{self.pop3s}",
            "YUBIN_IMAP_LISTEN": f"127.0.0.1:{self.imap}",
            "YUBIN_IMAPS_LISTEN": f"127.0.0.1:{self.imaps}",
            "YUBIN_MAIL_TLS_CERT": str(mail.cert),
            "YUBIN_MAIL_TLS_KEY": str(mail.key),
            "YUBIN_DIRECTORY": f"127.0.0.1:{directory.port}",
            "YUBIN_MAILBOX": f"127.0.0.1:{mailbox_port}",
            "YUBIN_NATS_URL": "nats://127.0.0.1:1",
            "YUBIN_LOG_LEVEL": "debug",
            "YUBIN_GRACE": "10",
            **settings,
        }
        super().__init__(folder, directory.certificates, f"{name}.log", given)

    def client(self):
        """Behind TLS."""
        return Talk(self.pop3s, self.trust)

    @asynccontextmanager
    async def session(self, login, password=PASSWORD):
        async with self.client() as talk:
            reply = await talk.login(login, password)
            assert reply.startswith("+OK"), reply
            yield talk
