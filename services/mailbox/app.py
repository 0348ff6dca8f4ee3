"""The composition root of the mailbox pod: the only file here that names adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.mailbox.config import Settings
from services.mailbox.handlers import CALLERS, SERVICE, Mailboxes
from services.mailbox.inbound import Intake
from services.mailbox.index import Indexer
from services.mailbox.sessions import Tokens
from services.mailbox.storage import Kept, Storage
from services.mailbox.upkeep import Intervals, Upkeep
from yubin.accounts.remote import RemoteSessions
from yubin.mailboxes.group import Grouped
from yubin.mailboxes.hints_nats import open_hints
from yubin.mailboxes.open import open_mailboxes
from yubin.objects.open import open_objects
from yubin.runtime import allocator
from yubin.runtime.process import Pod
from yubin.v1.mailbox_pb2_grpc import add_MailboxServicer_to_server

BUFFERS = 2 * 1024 * 1024  # octets; a message of letters is made in smaller ones


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    allocator.keep_freed(BUFFERS)
    grouped = Grouped(await open_mailboxes(settings.mailboxes_url))
    objects = await open_objects(settings.objects_url)
    hints = open_hints(settings.nats_url, ca=settings.tls_ca, cert=settings.tls_cert, key=settings.tls_key)
    storage = Storage(
        grouped.mailboxes,
        objects,
        grouped=grouped,
        hints=hints,
        under_way=settings.letters_in_memory,
        kept=Kept(letters=settings.letters_kept, views=settings.views_kept),
    )
    indexer = Indexer(storage, batch=settings.index_batch, poll=settings.index_poll)
    tokens = Tokens(
        RemoteSessions(pod.channel(settings.directory, "directory")), every=settings.session_keys_every
    )
    handlers = Mailboxes(storage, Intake(storage, indexer.wake), tokens, pod.stopping, quota=settings.quota)
    pod.serve(lambda server: add_MailboxServicer_to_server(handlers, server), SERVICE, CALLERS)
    pod.check("mailboxes", grouped.mailboxes.ping)
    pod.check("objects", objects.ping)
    intervals = Intervals(sweep=settings.sweep_every, orphans=settings.orphans_every)
    upkeep = Upkeep(storage, indexer.measure, intervals)
    tasks = [pod.spawn(tokens.watch(), "session-keys"), pod.spawn(upkeep.run(), "upkeep")]
    if settings.index:
        tasks.append(pod.spawn(indexer.run(), "index"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        indexer.close()
        await hints.close()
        await grouped.close()
        await objects.close()
