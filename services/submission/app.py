"""The composition root of the submission pod: the only file here that names adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from services.submission.allowance import Allowance
from services.submission.config import Settings
from services.submission.transaction import Rules, Submission
from yubin.acceptance.accept import Acceptance
from yubin.acceptance.head_start import HeadStart
from yubin.acceptance.unwind import Unwinding
from yubin.accounts.remote import RemoteDirectory
from yubin.dispatch.open import open_dispatch
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
    dispatch = await open_dispatch(
        settings.nats_url, ca=settings.tls_ca, cert=settings.tls_cert, key=settings.tls_key
    )
    directory = RemoteDirectory(pod.channel(settings.directory, "directory"))
    acceptance = Acceptance(
        ledger=ledger,
        objects=objects,
        dispatch=dispatch,
        keys=directory,
        recipients=directory,
        head_start=HeadStart(rate=settings.head_start_rate, burst=settings.head_start_burst),
    )
    unwinding = Unwinding(ledger)
    policy = Submission(
        rules=Rules(
            hostname=settings.hostname,
            size=settings.message_size,
            hops=settings.hops,
            dkim=settings.dkim,
            hide_client=settings.hide_client,
        ),
        authenticator=directory,
        acceptance=acceptance,
        allowance=Allowance(default=settings.per_hour),
        unwinding=unwinding,
        recipients=directory,
    )
    terms = settings.terms()
    if settings.smtp_tls_cert is not None and settings.smtp_tls_key is not None:
        tls = ServerTls(settings.smtp_tls_cert, settings.smtp_tls_key)
        pod.spawn(tls.watch(), "certificate")
        terms = replace(terms, tls=tls.context)
    reception = Reception(terms, policy)
    pod.check("ledger", ledger.ping)
    pod.check("objects", objects.ping)
    if settings.submission_listen:
        await reception.listen(*host_port(settings.submission_listen))
    if settings.submissions_listen:
        await reception.listen(*host_port(settings.submissions_listen), implicit_tls=True)
    try:
        yield
    finally:
        await reception.stop(settings.grace)
        await unwinding.finish()
        await dispatch.close()
        await ledger.close()
        await objects.close()
