"""The composition root of the gateway pod: the only file here that names adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.config import Settings
from services.gateway.gateway import Gateway
from services.gateway.leases import Leases
from services.gateway.memory import return_large_buffers
from services.gateway.pop3.service import Pop3
from services.gateway.pop3.shelf import Shelf
from services.gateway.sessions import Passes
from services.gateway.tls import ServerTls
from yubin.accounts.remote import RemoteDirectory, RemoteSessions
from yubin.mailboxes.remote import RemoteAccount
from yubin.runtime.process import Pod
from yubin.runtime.settings import host_port


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    return_large_buffers()
    directory = pod.channel(settings.directory, "directory")
    mailbox = pod.channel(settings.mailbox, "mailbox")
    context = None
    if settings.mail_tls_cert is not None and settings.mail_tls_key is not None:
        tls = ServerTls(settings.mail_tls_cert, settings.mail_tls_key)
        pod.spawn(tls.watch(), "certificate")
        context = tls.context
    passes = Passes(RemoteSessions(directory), asyncio.get_running_loop().time)
    leases = Leases()
    pod.spawn(passes.watch(), "sessions")
    pod.spawn(leases.watch(), "leases")
    pop3 = Pop3(
        terms=settings.pop3(),
        authenticator=RemoteDirectory(directory),
        account=lambda session: RemoteAccount(mailbox, session),
        passes=passes,
        leases=leases,
        shelf=Shelf(settings.read_ahead),
        idle=settings.idle_timeout,
        login_timeout=settings.login_timeout,
    )
    gateway = Gateway(settings.limits(), context)
    if settings.pop3_listen:
        await gateway.listen(pop3, *host_port(settings.pop3_listen))
    if settings.pop3s_listen:
        await gateway.listen(pop3, *host_port(settings.pop3s_listen), implicit_tls=True)
    try:
        yield
    finally:
        await gateway.stop(settings.grace)
