"""Logs: JSON, one line each, one sentence and an ``action`` key; no line above 8 KiB (CASES L9).

JSON escaping keeps CR, LF and terminal escapes of strangers inert. Passwords and bodies are never arguments of a log
call; what may carry one by mistake is masked by name.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, BinaryIO

import msgspec
import structlog

LINE_LIMIT = 8192
FIELD_LIMIT = 1024
SECRETS = frozenset({"password", "secret", "token", "private_pem", "body", "authorization", "credential"})
CORE = ("event", "action", "level", "timestamp", "pod", "instance", "message")
_encoder = msgspec.json.Encoder(enc_hook=str)


def setup(pod: str, instance: str, level: str, *, stream: BinaryIO | None = None) -> None:
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _bound,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(stream or sys.stderr.buffer),
        cache_logger_on_first_use=stream is None,
    )
    structlog.contextvars.bind_contextvars(pod=pod, instance=instance)
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


def _bound(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in SECRETS:
            event[key] = "***"
        elif isinstance(value, str) and key != "exception":
            event[key] = _printable(value)
    if "exception" in event:
        event["exception"] = event["exception"][-4 * FIELD_LIMIT :]
    return event


def _printable(value: str) -> str:
    """Short, and inert on a terminal: C1 controls too, which JSON does not escape."""
    cut = value if len(value) <= FIELD_LIMIT else value[:FIELD_LIMIT] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cut)


def _line(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> bytes:
    """One line of JSON; of one that would be too long, what it is about."""
    line = _encoder.encode(event)
    if len(line) <= LINE_LIMIT:
        return line
    core = {key: str(event[key])[:200] for key in CORE if key in event}
    tail = str(event.get("exception", ""))[-FIELD_LIMIT:]
    return _encoder.encode({**core, "exception": tail, "cut": True})


class _Forward(logging.Handler):
    """What libraries log through the standard module, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        exception = record.exc_info if record.exc_info and record.exc_info[0] else None
        log.log(record.levelno, record.getMessage(), action="library", logger=record.name, exc_info=exception)
