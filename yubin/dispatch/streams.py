"""The two streams and the two consumers, as every pod makes them when it connects: NATS can be rebuilt at any time.

``OUT`` is a work queue of hints: ``out.hi.<class>`` and ``out.lo.<class>``, new ones are refused when it is full, and none
lives longer than 10 minutes. Each lane has one durable pull consumer that all delivery pods share; it redelivers what
was not acked for 30 s, for ever. ``EVENTS`` keeps the outbox's events for 7 days, the oldest go first, and drops what
is sent twice (Nats-Msg-Id). Only requests that nats-server 2.9 and the newest one understand alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.errors import NoRespondersError

from yubin.dispatch.link import StreamTrouble
from yubin.dispatch.port import Lane

OUT, EVENTS = "OUT", "EVENTS"
_NANO = 10**9
_OTHER_CONFIGURATION = 10058  # JetStream's error: the stream exists with other settings
_PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True)
class StreamTerms:
    """Sizes in bytes, times in seconds. ``replicas`` 3 in a cluster of three or more."""

    replicas: int = 1
    out_bytes: int = 64 * 1024 * 1024
    out_age: float = 600.0
    ack_wait: float = 30.0
    ack_pending: int = 65_536
    events_bytes: int = 256 * 1024 * 1024
    events_age: float = 7 * 86400.0
    events_window: float = 600.0


async def ensure_out(client: Client, terms: StreamTerms) -> None:
    """Make or mend OUT and its consumers; raises StreamTrouble."""
    await _stream(
        client,
        {
            "name": OUT,
            "subjects": ["out.hi.*", "out.lo.*"],
            "retention": "workqueue",
            "discard": "new",
            "max_bytes": terms.out_bytes,
            "max_age": int(terms.out_age * _NANO),
            "num_replicas": terms.replicas,
        },
    )
    for lane in Lane:
        await _consumer(client, lane, terms)


async def ensure_events(client: Client, terms: StreamTerms) -> None:
    """Make or mend EVENTS; raises StreamTrouble."""
    await _stream(
        client,
        {
            "name": EVENTS,
            "subjects": ["events.>"],
            "retention": "limits",
            "discard": "old",
            "max_bytes": terms.events_bytes,
            "max_age": int(terms.events_age * _NANO),
            "duplicate_window": int(terms.events_window * _NANO),
            "num_replicas": terms.replicas,
        },
    )


async def _stream(client: Client, config: dict[str, Any]) -> None:
    config = {"storage": "file", "max_msgs": -1, "max_consumers": -1, "max_msg_size": -1, **config}
    answer = await _ask(client, f"STREAM.CREATE.{config['name']}", config)
    if answer.get("err_code") == _OTHER_CONFIGURATION:
        answer = await _ask(client, f"STREAM.UPDATE.{config['name']}", config)
    _check(answer, config["name"])


async def _consumer(client: Client, lane: Lane, terms: StreamTerms) -> None:
    config = {
        "durable_name": lane.value,
        "filter_subject": f"out.{lane.value}.*",
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(terms.ack_wait * _NANO),
        "max_deliver": -1,
        "max_ack_pending": terms.ack_pending,
        "replay_policy": "instant",
        "num_replicas": 0,  # as the stream has
    }
    request = {"stream_name": OUT, "config": config}
    _check(await _ask(client, f"CONSUMER.DURABLE.CREATE.{OUT}.{lane.value}", request), f"{OUT}/{lane.value}")


async def _ask(client: Client, verb: str, request: dict[str, Any]) -> dict[str, Any]:
    """The error of the answer, empty when there is none."""
    try:
        reply = await client.request(f"$JS.API.{verb}", json.dumps(request).encode(), timeout=_PATIENCE)
        answer = json.loads(reply.data)
    except NoRespondersError:
        raise StreamTrouble("this nats-server has no JetStream, or its cluster has no leader") from None
    except ValueError:
        raise StreamTrouble(f"{verb}: the answer cannot be read") from None
    error = answer.get("error", {})
    return error if isinstance(error, dict) else {}


def _check(error: dict[str, Any], name: str) -> None:
    if error:
        raise StreamTrouble(f"{name}: {error.get('description', error)}")
