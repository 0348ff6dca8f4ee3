"""Logs: JSON, one line each, one sentence and an ``action`` key; no line above 8 KiB (CASES L9).

JSON escaping keeps CR, LF and terminal escapes of strangers inert. Passwords and bodies are never arguments of a log
call; what may carry one by mistake is masked by name.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

LINE_LIMIT = 8192
FIELD_LIMIT = 1024
SECRETS = frozenset({"password", "secret", "token", "private_pem", "body", "authorization", "credential"})


def setup(pod: str, instance: str, level: str, *, stream: TextIO | None = None) -> None:
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _bound,
            structlog.processors.JSONRenderer(ensure_ascii=False),
            _cut,  # type: ignore[list-item]  # behind the renderer a processor is given its text
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=stream is None,
    )
    structlog.contextvars.bind_contextvars(pod=pod, instance=instance)
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


def _bound(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in SECRETS:
            event[key] = "***"
        elif isinstance(value, str) and len(value) > FIELD_LIMIT and key != "exception":
            event[key] = value[:FIELD_LIMIT] + "…"
    if "exception" in event:
        event["exception"] = event["exception"][-4 * FIELD_LIMIT :]
    return event


def _cut(_logger: Any, _name: str, line: str) -> str:
    if len(line) <= LINE_LIMIT:
        return line
    return line[: LINE_LIMIT - 20].rstrip("\\") + '…", "cut": true}'


class _Forward(logging.Handler):
    """What libraries log through the standard module, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        exception = record.exc_info if record.exc_info and record.exc_info[0] else None
        log.log(record.levelno, record.getMessage(), action="library", logger=record.name, exc_info=exception)
