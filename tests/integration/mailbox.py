"""The mailbox pod, twice: as its own process beside a directory, and in this process over memory, both over gRPC."""

import asyncio
import hashlib
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc

from services.mailbox.handlers import CALLERS, SERVICE, Mailboxes
from services.mailbox.inbound import Intake
from services.mailbox.sessions import Tokens
from services.mailbox.storage import Storage
from tests.integration.directory import LIGHT, DirectoryPod
from tests.integration.pod import Pod
from yubin.accounts.remote import RemoteSessions
from yubin.accounts.session import SessionSigner
from yubin.ids import uuid7
from yubin.mailboxes.deliveries import Copy, Inbound, object_name
from yubin.mailboxes.hints import MemoryHints
from yubin.mailboxes.memory import MemoryMailboxes
from yubin.mailboxes.remote import RemoteAccount, RemoteDeliveries, Talk
from yubin.mailboxes.talk_stream import Terms
from yubin.objects.memory import MemoryObjects
from yubin.runtime import rpc
from yubin.runtime.certificates import issue
from yubin.runtime.gate import Gate
from yubin.v1.mailbox_pb2_grpc import add_MailboxServicer_to_server


def letter(text="Subject: one\r\n\r\nHello\r\n", *accounts, junk=False, **fields):
    """An inbound letter for some accounts (one: "anna")."""
    body = text.encode() if isinstance(text, str) else text
    copies = tuple(Copy(account=a, delivery_id=uuid7(), junk=junk) for a in accounts or ("anna",))
    given = {"letter_id": uuid7(), "body": body, "size": len(body), "copies": copies}
    return Inbound(**{**given, "sha256": hashlib.sha256(body).digest(), **fields})


async def in_objects(world, raw):
    """An inbound letter that lies in the object store, as mx leaves it; ``world`` has ``objects``."""
    made = letter(raw)
    name = object_name(made.letter_id)
    await world.objects.put(name, raw)
    return replace(made, body=None, object=name)


async def bodies(account, mailbox_id=1):
    """Every letter of a mailbox, by UID."""
    uids = [uid async for page in account.view(mailbox_id) for uid in page.uids]
    found = {}
    async for some in account.letters(mailbox_id, uids):
        found.update(zip(some.rows.uids, some.bodies, strict=True))
    return found


async def pieces(*some):
    for piece in some:
        yield piece


class Keys:
    """A directory that has one signing key, and may be away."""

    def __init__(self, *signers):
        self.public, self.asked, self.away = [s.public for s in signers], 0, None

    async def keys(self):
        self.asked += 1
        if self.away:
            raise self.away
        return tuple(self.public)


class Desk:
    """The mailbox pod's service in this process, over memory. ``account`` and ``deliveries`` are its clients."""

    def __init__(self, folder, *, quota=0, mailboxes=None, objects=None):
        self.folder = folder
        self.hints = MemoryHints()
        self.mailboxes, self.objects = mailboxes or MemoryMailboxes(), objects or MemoryObjects()
        self.storage = Storage(self.mailboxes, self.objects, hints=self.hints)
        self.intake = Intake(self.storage)
        self.signer = SessionSigner(b"0123456789abcdef")
        self.keys = Keys(self.signer)
        self.tokens = Tokens(self.keys)
        self.stopping = asyncio.Event()
        self.handlers = Mailboxes(self.storage, self.intake, self.tokens, self.stopping, quota=quota)
        self.port = 0
        self._channels, self._talks = [], []

    async def start(self):
        """Again on the same port after ``stop``."""
        gate = Gate({SERVICE: CALLERS}, insecure=False)
        self.server = grpc.aio.server(interceptors=[gate], options=rpc.SERVER_OPTIONS)
        add_MailboxServicer_to_server(self.handlers, self.server)
        own = issue(self.folder, "mailbox")
        made = rpc.server_credentials(own.ca, own.cert, own.key)
        self.port = self.server.add_secure_port(f"127.0.0.1:{self.port}", made)
        await self.server.start()

    async def stop(self, grace=None):
        await self.server.stop(grace)

    def channel(self, pod):
        own = issue(self.folder, pod)
        made = rpc.channel(f"127.0.0.1:{self.port}", "mailbox", ca=own.ca, cert=own.cert, key=own.key)
        self._channels.append(made)
        return made

    def session(self, account="anna", quota=0):
        return self.signer.issue(account, quota)

    def account(self, name="anna", quota=0, pod="gateway"):
        token = self.session(name, quota)
        return RemoteAccount(self.talk(pod), lambda: token)

    def talk(self, pod="gateway", **terms):
        made = Talk(self.channel(pod), Terms(**terms))
        self._talks.append(made)
        return made

    async def close(self):
        for talk in self._talks:
            await talk.close()
        for made in self._channels:
            await made.close(None)
        await self.stop()


@asynccontextmanager
async def desk(folder, **given):
    made = Desk(folder, **given)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


class MailboxPod(Pod):
    name = "mailbox"

    def __init__(self, folder: Path, directory: DirectoryPod, url=None, **settings):
        given = {
            "YUBIN_MAILBOXES_URL": url or f"sqlite://{folder}/mailboxes.db",
            "YUBIN_OBJECTS_URL": f"file://{folder}/objects",
            "YUBIN_DIRECTORY": f"127.0.0.1:{directory.port}",
            "YUBIN_NATS_URL": "memory:",
            "YUBIN_LOG_LEVEL": "debug",
            "YUBIN_GRACE": "5",
            **settings,
        }
        super().__init__(folder, directory.certificates, "mailbox.log", given)
        self.port = self.grpc

    def channel(self, pod):
        own = issue(self.certificates, pod)
        return rpc.channel(f"127.0.0.1:{self.port}", "mailbox", ca=own.ca, cert=own.cert, key=own.key)

    @asynccontextmanager
    async def deliveries(self, pod="mx", **more):
        channel = self.channel(pod)
        made = RemoteDeliveries(channel, **more)
        try:
            yield made
        finally:
            await made.close()
            await channel.close(None)


class House:
    """A directory with anna and bob, and a mailbox pod beside it."""

    def __init__(self, folder, url=None, **settings):
        self.folder = folder
        (folder / "directory").mkdir()
        self.directory = DirectoryPod(folder / "directory", **LIGHT)
        self.mailbox = MailboxPod(folder, self.directory, url, **settings)
        self.ids = {}

    async def open(self):
        self.directory.start()
        async with self.directory.admin() as admin:
            await admin.create_tenant("acme")
            await admin.create_domain("acme", "a.example")
            for name in ("anna", "bob"):
                made = await admin.create_account(f"{name}@a.example", "correct horse")
                self.ids[name] = made.id
        self.mailbox.start()

    async def session(self, name="anna"):
        async with self.directory.channel("api") as channel:
            return (await RemoteSessions(channel).open(f"{name}@a.example"))[1]

    @asynccontextmanager
    async def account(self, name="anna", pod="gateway"):
        token = await self.session(name)
        channel = self.mailbox.channel(pod)
        talk = Talk(channel)
        try:
            yield RemoteAccount(talk, lambda: token)
        finally:
            await talk.close()
            await channel.close(None)

    def close(self):
        for pod in (self.mailbox, self.directory):
            pod.kill()


@asynccontextmanager
async def house(folder, url=None, **settings):
    made = House(folder, url, **settings)
    try:
        await made.open()
        yield made
    finally:
        made.close()
