"""The composition root of the mx pod: the only file here that names adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from services.mx.addressing import Addressing, Manners
from services.mx.config import Settings
from services.mx.fallback import Fallback
from services.mx.filing import Filing
from services.mx.quotas import Quotas
from services.mx.rates import Rates
from services.mx.senders import Senders
from services.mx.transaction import Desks, Exchange, Rules
from yubin.acceptance.accept import Acceptance
from yubin.acceptance.head_start import HeadStart
from yubin.acceptance.unwind import Unwinding
from yubin.accounts.remote import RemoteDirectory
from yubin.dispatch.open import open_dispatch
from yubin.dispatch.port import Dispatch
from yubin.dns.remote import RemoteRouter
from yubin.errors import Failure
from yubin.mailboxes.deliveries import Deliveries
from yubin.mailboxes.remote import RemoteDeliveries
from yubin.objects.open import open_objects
from yubin.queue.group import Grouped
from yubin.queue.open import open_ledger
from yubin.reception.reception import Reception
from yubin.reception.tls import ServerTls
from yubin.runtime.process import Pod
from yubin.runtime.settings import host_port


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    ledger = Grouped(await open_ledger(settings.ledger_url))
    objects = await open_objects(settings.objects_url)
    dispatch = await _dispatch(settings)
    directory = RemoteDirectory(pod.channel(settings.directory, "directory"))
    deliveries = RemoteDeliveries(pod.channel(settings.mailbox, "mailbox"))
    head_start = HeadStart(rate=settings.head_start_rate, burst=settings.head_start_burst)
    unwinding = Unwinding(ledger)
    quotas = Quotas(deliveries, default=settings.default_quota, over=int(settings.over_quota))
    router = RemoteRouter(pod.channel(settings.resolver, "resolver"))
    desks = Desks(
        rates=Rates(settings.connections_per_minute),
        senders=Senders(router, directory) if settings.sender_domain_check else None,
        addressing=Addressing(directory, quotas, _manners(settings)),
        quotas=quotas,
        filing=Filing(
            deliveries=deliveries,
            objects=objects,
            acceptance=Acceptance(
                ledger=ledger, objects=objects, dispatch=dispatch, keys=directory, head_start=head_start
            ),
            fallback=Fallback(ledger, objects, dispatch, head_start),
            unwinding=unwinding,
        ),
    )
    terms = settings.terms()
    if settings.smtp_tls_cert is not None and settings.smtp_tls_key is not None:
        tls = ServerTls(settings.smtp_tls_cert, settings.smtp_tls_key)
        pod.spawn(tls.watch(), "certificate")
        terms = replace(terms, tls=tls.context)
    reception = Reception(terms, Exchange(_rules(settings), desks))
    pod.check("storage", lambda: _storage(ledger, deliveries))
    pod.check("objects", objects.ping)
    await reception.listen(*host_port(settings.mx_listen))
    try:
        yield
    finally:
        await reception.stop(settings.grace)
        await unwinding.finish()
        await dispatch.close()
        await deliveries.close()
        await ledger.close()
        await objects.close()


async def _dispatch(settings: Settings) -> Dispatch:
    return await open_dispatch(
        settings.nats_url, ca=settings.tls_ca, cert=settings.tls_cert, key=settings.tls_key
    )


async def _storage(ledger: Grouped, deliveries: Deliveries) -> None:
    """A letter can rest somewhere: in mailboxes, or in the ledger until they are back."""
    try:
        await ledger.ping()
    except Failure:
        await deliveries.usage(["readiness"])


def _manners(settings: Settings) -> Manners:
    return Manners(
        hostname=settings.hostname,
        size=settings.message_size,
        reveal_moved=settings.reveal_moved,
        postmaster=settings.postmaster,
    )


def _rules(settings: Settings) -> Rules:
    return Rules(
        hostname=settings.hostname,
        size=settings.message_size,
        hops=settings.hops,
        spam_header=settings.spam_header,
        filters=settings.filters,
    )
