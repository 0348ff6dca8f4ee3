"""What a delivery status notification tells, as plain values: about which letter, which recipients, and to whom.

Nobody is told about a letter with the null reverse-path (RFC 5321 6.1); else NOTIFY names who is (RFC 3461 4.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TEXT_LIMIT = 1000  # characters of a peer's reply
_STATUS = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
_CLASS = {"failed": "5", "delayed": "4", "delivered": "2", "relayed": "2"}


@dataclass(frozen=True, kw_only=True)
class Reported:
    """The letter that the report is about. ``number`` is its tracking number, times are Unix seconds."""

    number: str
    sender: str
    created: float
    envid: str | None = None
    ret: str | None = None
    utf8: bool = False
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of one recipient: ``kind`` is the Action field. ``notify`` None: somebody else has asked NOTIFY."""

    address: str
    kind: str  # failed | delayed | delivered | relayed
    orcpt: str | None = None
    notify: frozenset[str] | None = None
    code: int = 0
    enhanced: str = ""
    text: str = ""
    peer: str = ""  # host[address]:port
    last_attempt: float | None = None
    will_retry_until: float | None = None


@dataclass(frozen=True, kw_only=True)
class Notification:
    """A letter from the null reverse-path to ``recipient``."""

    recipient: str
    body: bytes
    body_type: str
    utf8: bool


def wanted(kind: str, notify: frozenset[str]) -> bool:
    """RFC 3461 4.1 and 5.2: without NOTIFY a sender hears of failure and delay; a relayed success counts as one."""
    if "NEVER" in notify:
        return False
    asked = {"failed": "FAILURE", "delayed": "DELAY", "delivered": "SUCCESS", "relayed": "SUCCESS"}[kind]
    return asked in notify if notify else asked != "SUCCESS"


def status_code(report: Report) -> str:
    """The peer's, unless it has none or contradicts the outcome (CASES C14)."""
    m = _STATUS.fullmatch(report.enhanced)
    if m and (m[1] == _CLASS[report.kind] or (report.kind == "failed" and m[1] == "4")):
        return report.enhanced
    return f"{_CLASS[report.kind]}.0.0"


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Printable, and without a line end: whatever a stranger wrote can stand in a field or on a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:limit]).split())
