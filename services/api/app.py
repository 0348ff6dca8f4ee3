"""The composition root of the api pod: the only file here that names adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.api.administration import Directory
from services.api.config import Settings
from services.api.http import Edge, Limits, application
from services.api.letters import Letters, Rules
from services.api.mailboxes import Mailboxes
from services.api.mailboxes_access import Access
from services.api.mailboxes_removal import Removal
from services.api.openapi import document
from services.api.queue import Queue
from services.api.server import serving
from services.api.tokens import Tokens
from yubin.acceptance.accept import Acceptance
from yubin.acceptance.head_start import HeadStart
from yubin.accounts.remote import DirectoryAdmin, RemoteDirectory, RemoteSessions
from yubin.dispatch.open import open_dispatch
from yubin.mailboxes.remote import RemoteAccount, Talk
from yubin.objects.open import open_objects
from yubin.queue.group import Grouped
from yubin.queue.open import open_ledger
from yubin.runtime.process import VERSION, Pod
from yubin.runtime.settings import host_port

log = structlog.get_logger()


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    tokens = Tokens.read(settings.api_token_file)
    plain = await open_ledger(settings.ledger_url)
    ledger = Grouped(plain)
    objects = await open_objects(settings.objects_url)
    dispatch = await open_dispatch(
        settings.nats_url, ca=settings.tls_ca, cert=settings.tls_cert, key=settings.tls_key
    )
    channel = pod.channel(settings.directory, "directory")
    administration = DirectoryAdmin(channel)
    directory = RemoteDirectory(channel)
    acceptance = Acceptance(
        ledger=ledger,
        objects=objects,
        dispatch=dispatch,
        keys=directory,
        recipients=directory,
        head_start=HeadStart(rate=settings.head_start_rate, burst=settings.head_start_burst),
    )
    rules = Rules(hostname=settings.hostname, size=settings.message_size, recipients=settings.recipients)
    letters = Letters(
        rules=rules, domains=administration, ledger=plain, acceptance=acceptance, recipients=directory
    )
    talk = Talk(pod.channel(settings.mailbox, "mailbox"))
    access = Access(RemoteSessions(channel), lambda session: RemoteAccount(talk, session))
    routes = [
        *Directory(administration, Removal(access, administration)).routes(),
        *letters.routes(),
        *Queue(plain).routes(),
        *Mailboxes(access).routes(),
    ]
    limits = Limits(
        size=settings.request_size,
        held=max(settings.held, settings.request_size),
        requests=settings.requests,
        timeout=settings.request_timeout,
    )
    app = application(routes, Edge(tokens, limits), document(routes, VERSION))
    pod.check("ledger", ledger.ping)
    pod.check("objects", objects.ping)
    host, port = host_port(settings.api_listen)
    try:
        async with serving(
            app, host, port, certificate=settings.certificate, grace=settings.grace
        ) as listening:
            log.info("HTTP listens.", action="listen", port=listening)
            yield
    finally:
        await talk.close()
        await dispatch.close()
        await ledger.close()
        await objects.close()
