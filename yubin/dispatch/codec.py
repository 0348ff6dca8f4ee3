"""Jobs and events as they travel: yubin.v1.Job and yubin.v1.Events, and the subjects that they travel under.

Protobuf stays in this module. A subject's token is written only with letters, digits, ``-`` and ``_``, so that no
tenant or class can name another subject. A payload that does not parse is no job: it is dropped, never raised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from google.protobuf.message import DecodeError

from yubin.dispatch.port import Job, lane_of
from yubin.queue.port import Event
from yubin.v1 import queue_pb2

JOB_LIMIT = 16 * 1024  # bytes (DESIGN section 3)
EVENTS_LIMIT = 100  # events of one message: at most about 250 KB with the longest replies
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


def token(text: str) -> str:
    """One token of a subject; never empty, no wildcard, no dot."""
    return _FOREIGN.sub("_", text) or "_"


def job_subject(job: Job) -> str:
    return f"out.{lane_of(job.klass)}.{token(job.klass)}"


def job_payload(job: Job) -> bytes:
    return queue_pb2.Job(
        delivery_id=job.delivery_id.bytes,
        message_id=job.message_id.bytes,
        epoch=job.epoch,
        domain=job.domain,
        tenant=job.tenant,
        klass=job.klass,
        traceparent=job.traceparent,
    ).SerializeToString()


def read_job(payload: bytes) -> Job | None:
    """The job in a payload; None for anything else."""
    if len(payload) > JOB_LIMIT:
        return None
    try:
        wire = queue_pb2.Job.FromString(payload)
        return Job(
            delivery_id=UUID(bytes=wire.delivery_id),
            message_id=UUID(bytes=wire.message_id),
            epoch=wire.epoch,
            domain=wire.domain,
            tenant=wire.tenant,
            klass=wire.klass,
            traceparent=wire.traceparent,
        )
    except (DecodeError, ValueError):
        return None


def event_payloads(events: Sequence[Event]) -> list[tuple[str, str, bytes]]:
    """What ``EventSink.send`` takes: (subject, message id for de-duplication, payload) for each tenant and kind.

    Many events to a message: one each would cost more than all the rest of a letter's way through NATS.
    """
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(f"events.{token(event.tenant)}.{token(event.kind.value)}", []).append(event)
    return [
        (
            subject,
            f"{part[0].message_id.hex}-{part[0].kind}-{part[0].seq}-{len(part)}-{part[-1].seq}",
            _events(part),
        )
        for subject, group in groups.items()
        for part in (group[i : i + EVENTS_LIMIT] for i in range(0, len(group), EVENTS_LIMIT))
    ]


def _events(events: Sequence[Event]) -> bytes:
    return queue_pb2.Events(events=[_event(event) for event in events]).SerializeToString()


def _event(event: Event) -> queue_pb2.Event:
    return queue_pb2.Event(
        seq=event.seq,
        message_id=event.message_id.bytes,
        delivery_id=event.delivery_id.bytes if event.delivery_id else b"",
        n=event.n,
        at=event.at,
        kind=event.kind.value,
        code=event.code,
        enhanced=event.enhanced,
        text=event.text,
        peer=event.peer,
        tenant=event.tenant,
        recipient=event.recipient,
    )
