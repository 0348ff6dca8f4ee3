"""The composition root of the delivery pod: the only file here that names adapters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.delivery.alone import Alone
from services.delivery.attempt import Attempt, AttemptLimits
from services.delivery.config import Settings
from services.delivery.connections import Connections
from services.delivery.handover import Handover
from services.delivery.inlets import Inlets
from services.delivery.inside import InsideRouter
from services.delivery.leases import Leases
from services.delivery.reports import Reports
from services.delivery.slots import AHEAD, Slots
from services.delivery.upkeep import Upkeep
from services.delivery.worker import Worker
from yubin.accounts.remote import RemoteDirectory
from yubin.dispatch.codec import event_payloads
from yubin.dispatch.open import open_dispatch, open_events
from yubin.dispatch.port import Lane
from yubin.dns.remote import RemoteRouter
from yubin.mailboxes.remote import RemoteDeliveries
from yubin.objects.open import open_objects
from yubin.queue.group import Grouped
from yubin.queue.open import open_ledger
from yubin.queue.outbox import relay_events
from yubin.queue.port import Backoff, Terms
from yubin.runtime.process import Pod


@asynccontextmanager
async def build(settings: Settings, pod: Pod) -> AsyncIterator[None]:
    terms = Terms(
        backoff=Backoff(steps=settings.retry_steps),
        head_start=settings.head_start,
        delay_notice=settings.delay_notice,
    )
    ledger = await open_ledger(settings.ledger_url, terms)
    grouped = Grouped(ledger)
    objects = await open_objects(settings.objects_url)
    ca, cert, key = settings.tls_ca, settings.tls_cert, settings.tls_key
    dispatch = await open_dispatch(settings.nats_url, ca=ca, cert=cert, key=key)
    events = await open_events(settings.nats_url, ca=ca, cert=cert, key=key)
    directory = RemoteDirectory(pod.channel(settings.directory, "directory"))
    deliveries = RemoteDeliveries(pod.channel(settings.mailbox, "mailbox"))
    router = InsideRouter(RemoteRouter(pod.channel(settings.resolver, "resolver")), directory)
    connections = Connections(
        hostname=settings.hostname,
        port=settings.smtp_port,
        per_site=settings.site_connections,
        idle=settings.connection_idle,
        letters=settings.letters_per_connection,
        connect_timeout=settings.connect_timeout,
    )
    attempt = Attempt(connections, limits=AttemptLimits(total=settings.attempt_cap))
    reports = Reports(
        ledger=ledger,
        objects=objects,
        dispatch=dispatch,
        hostname=settings.hostname,
        every=settings.reports_every,
    )
    leases = Leases(ledger, seconds=settings.lease, clock=time.monotonic)
    alone = Alone(ledger, cap=settings.attempt_cap)
    handover = Handover(recipients=directory, deliveries=deliveries, objects=objects, ledger=grouped)
    worker = Worker(
        ledger=grouped,
        objects=objects,
        attempt=attempt,
        handover=handover,
        alone=alone,
        leases=leases,
        owed=reports,
    )
    slots = Slots(settings.slots, AHEAD * settings.site_connections)
    inlets = Inlets(
        owner=pod.instance,
        ledger=grouped,
        dispatch=dispatch,
        router=router,
        worker=worker,
        slots=slots,
        leases=leases,
    )
    pod.check("ledger", ledger.ping)
    pod.check("objects", objects.ping)
    keep = pod.spawn(leases.keep(), "leases")
    upkeep = Upkeep(ledger, objects, reports.owe_message)
    background = [
        keep,
        pod.spawn(reports.run(), "reports"),
        pod.spawn(upkeep.run(), "upkeep"),
        pod.spawn(relay_events(ledger, events, pod.stopping, encode=event_payloads), "events"),
    ]
    loops = [pod.spawn(inlets.fresh(lane, pod.stopping), f"fresh-{lane}") for lane in Lane]
    loops.append(pod.spawn(inlets.stored(pod.stopping, poll=settings.poll), "stored"))
    try:
        yield
    finally:
        pod.stopping.set()
        await inlets.drain(settings.grace, loops)
        for task in background:  # before the ledger that they use is closed
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await connections.close()
        await deliveries.close()
        await dispatch.close()
        await events.close()
        await grouped.close()
        await objects.close()
