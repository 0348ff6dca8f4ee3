"""Hints over core NATS. One task sends what waits, the latest for each mailbox, and keeps subscriptions as watchers want.

A hint goes at once; those that follow within ``GATHERED`` seconds wait for each other, so that many changes of a mailbox are
one message. What waits when the pod ends is sent before.
While NATS is away hints are dropped; when it is back every watcher gets a hint without a mailbox: look at everything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import structlog
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from prometheus_client import Counter

from yubin.dispatch.link import Broker, Link
from yubin.mailboxes.hints import SUBJECT, Hint, Hints, MemoryHints, Watcher, Watchers
from yubin.v1 import mailbox_pb2 as pb

log = structlog.get_logger()
WAITING = 10_000  # mailboxes with a hint that is not sent yet
GATHERED = 0.05  # seconds
LAST = 1.0  # seconds for what waits at the end
HINTS = Counter("yubin_mailbox_hints", "hints about changed mailboxes", ["outcome"])
for _outcome in ("sent", "dropped", "received"):
    HINTS.labels(_outcome)
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")  # what may stand between two dots of a subject


def open_hints(
    url: str, *, ca: Path | None = None, cert: Path | None = None, key: Path | None = None
) -> Hints:
    """``url`` as for dispatch; ``memory:`` reaches this process only. Returns at once; a broker that is away is found later."""
    if url.startswith("memory:"):
        return MemoryHints()
    return NatsHints(Broker(url=url, ca=ca, cert=cert, key=key))


class NatsHints:
    def __init__(self, broker: Broker) -> None:
        self._waiting: dict[tuple[str, int], Hint] = {}
        self._watchers = Watchers(first=self._wake, last=self._wake)
        self._subscriptions: dict[str, Subscription] = {}
        self._unsure: set[str] = set()  # accounts that got their first watcher, or lost their last one
        self._news = asyncio.Event()
        self._pause: asyncio.TimerHandle | None = None  # while hints are gathered
        self._link = Link(broker, "hints", ready=self._ready, lost=self._lost)
        self._task = asyncio.create_task(self._run(), name="hints")

    def publish(self, account: str, mailbox_id: int, modseq: int, uidnext: int) -> None:
        if len(self._waiting) >= WAITING or not _TOKEN.fullmatch(account):
            HINTS.labels("dropped").inc()
            return
        self._waiting[account, mailbox_id] = Hint(
            account=account, mailbox_id=mailbox_id, modseq=modseq, uidnext=uidnext
        )
        if self._pause is None:
            self._news.set()

    def watch(self, account: str, watcher: Watcher) -> Callable[[], None]:
        return self._watchers.add(account, watcher)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._pause is not None:
            self._pause.cancel()
        await self._send_last()
        await self._link.close()

    async def _send_last(self) -> None:
        client = self._link.client
        if client is None or not self._waiting:
            return
        try:
            async with asyncio.timeout(LAST):
                await self._send(client)
                await client.flush()
        except (NatsError, OSError, TimeoutError) as error:
            log.debug("A hint was not sent.", action="hints", why=repr(error))

    def _wake(self, account: str) -> None:
        self._unsure.add(account)
        self._news.set()

    def _lost(self) -> None:
        self._subscriptions = {}
        self._news.set()

    async def _ready(self, client: Client) -> None:
        self._unsure.update(self._watchers.accounts())
        await self._subscribe(client)
        await client.flush()  # the server knows of them before anybody looks: nothing falls in between
        for account in self._watchers.accounts():
            self._watchers.tell(Hint(account=account, mailbox_id=0))
        self._news.set()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            client = self._link.client
            if client is None:
                HINTS.labels("dropped").inc(len(self._waiting))
                self._waiting = {}
                continue
            try:
                if self._waiting and self._pause is None:
                    self._pause = asyncio.get_running_loop().call_later(GATHERED, self._gathered)
                    await self._send(client)
                await self._subscribe(client)
            except (NatsError, OSError, TimeoutError) as error:
                log.debug("A hint was not sent.", action="hints", why=repr(error))

    def _gathered(self) -> None:
        self._pause = None
        if self._waiting:
            self._news.set()

    async def _send(self, client: Client) -> None:
        waiting, self._waiting = self._waiting, {}
        for hint in waiting.values():
            message = pb.MailboxHint(modseq=hint.modseq, uidnext=hint.uidnext)
            subject = f"{SUBJECT}.{hint.account}.{hint.mailbox_id}"
            await client.publish(subject, message.SerializeToString())
            HINTS.labels("sent").inc()

    async def _subscribe(self, client: Client) -> None:
        """Only what has changed is looked at: there may be ten thousand accounts."""
        while self._unsure:
            account = self._unsure.pop()
            try:
                await self._settle(client, account)
            except BaseException:
                self._unsure.add(account)
                raise

    async def _settle(self, client: Client, account: str) -> None:
        wanted = self._watchers.watched(account) and _TOKEN.fullmatch(account) is not None
        if wanted and account not in self._subscriptions:
            self._subscriptions[account] = await client.subscribe(f"{SUBJECT}.{account}.*", cb=self._heard)
        elif not wanted and account in self._subscriptions:
            await self._subscriptions.pop(account).unsubscribe()

    async def _heard(self, message: Msg) -> None:
        _, _, rest = message.subject.partition(".")
        account, _, mailbox_id = rest.partition(".")
        try:
            news = pb.MailboxHint.FromString(message.data)
            hint = Hint(account=account, mailbox_id=int(mailbox_id), modseq=news.modseq, uidnext=news.uidnext)
        except (DecodeError, ValueError):
            return
        HINTS.labels("received").inc()
        self._watchers.tell(hint)
