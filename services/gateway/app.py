"""The composition root of the gateway pod: the only file here that names adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.gateway import readiness
from services.gateway.config import Settings
from services.gateway.gateway import Gateway
from services.gateway.imap.service import Imap
from services.gateway.imap.watch import Watch
from services.gateway.leases import Leases
from services.gateway.pop3.service import Pop3
from services.gateway.pop3.shelf import Shelf
from services.gateway.sessions import Passes
from services.gateway.tls import ServerTls
from yubin.accounts.remote import RemoteDirectory, RemoteSessions
from yubin.imap.limits import Limits
from yubin.mailboxes.hints_nats import open_hints
from yubin.mailboxes.remote import RemoteAccount, Talk, compare
from yubin.runtime.process import Pod
from yubin.runtime.settings import host_port
from yubin.sasl.mechanisms import chosen


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    directory = pod.channel(settings.directory, "directory")
    accounts = RemoteDirectory(directory)
    mailbox = pod.channel(settings.mailbox, "mailbox")
    talk = Talk(mailbox)
    sessions, news = RemoteSessions(directory), partial(compare, mailbox)
    readiness.check(pod, sessions, news)
    context = None
    if settings.mail_tls_cert is not None and settings.mail_tls_key is not None:
        tls = ServerTls(settings.mail_tls_cert, settings.mail_tls_key)
        pod.spawn(tls.watch(), "certificate")
        context = tls.context
    passes = Passes(sessions, asyncio.get_running_loop().time)
    leases = Leases()
    pod.spawn(passes.watch(), "sessions")
    pod.spawn(leases.watch(), "leases")
    pop3 = Pop3(
        terms=settings.pop3(),
        authenticator=accounts,
        account=lambda session: RemoteAccount(talk, session),
        passes=passes,
        leases=leases,
        shelf=Shelf(settings.read_ahead),
        idle=settings.idle_timeout,
        login_timeout=settings.login_timeout,
    )
    hints = open_hints(settings.nats_url, ca=settings.tls_ca, cert=settings.tls_cert, key=settings.tls_key)
    watch = Watch(hints, news)
    pod.spawn(watch.run(), "watch")
    imap = Imap(
        hostname=settings.hostname,
        starttls=context is not None,
        auth_without_tls=settings.auth_without_tls,
        mechanisms=chosen(settings.mechanisms),
        authenticator=accounts,
        account=lambda session: RemoteAccount(talk, session),
        passes=passes,
        leases=leases,
        watch=watch,
        limits=Limits(append=settings.append_limit),
        quota=settings.quota,
        per_user=settings.connections_per_user,
        idle=settings.imap_idle_timeout,
        login_timeout=settings.login_timeout,
        login_failures=settings.login_failures,
    )
    gateway = Gateway(settings.limits(), context)
    for service, clear, tls_only in (
        (pop3, settings.pop3_listen, settings.pop3s_listen),
        (imap, settings.imap_listen, settings.imaps_listen),
    ):
        if clear:
            await gateway.listen(service, *host_port(clear))
        if tls_only:
            await gateway.listen(service, *host_port(tls_only), implicit_tls=True)
    try:
        yield
    finally:
        await gateway.stop(settings.grace)
        await talk.close()
        await hints.close()
