"""What a submission server adds to a letter, and what it takes away (RFC 6409 8, RFC 5322 3.6).

``complete`` looks at the header section only; the body stays a view of the bytes that came, so that the one copy of a
letter is made when ``Complete.join`` puts trace fields, signatures, header and body together. Missing Date, Message-ID
and From are added; Bcc, Resent-Bcc, Return-Path and Content-Length never leave (RFC 5322 3.6.3, RFC 5321 4.4; the
list is Postfix's). Everything else stays byte for byte as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from yubin.errors import Invalid
from yubin.mail.date import rfc5322
from yubin.mail.header import Headers, scan

DROPPED = frozenset({"bcc", "resent-bcc", "return-path", "content-length"})
ONCE = (
    "from",
    "sender",
    "date",
    "message-id",
    "subject",
    "to",
    "cc",
    "reply-to",
)  # RFC 5322 3.6: at most one of each


@dataclass(frozen=True, kw_only=True)
class Complete:
    """``header`` ends with the last field's line end; the empty line and then ``body`` follow."""

    header: bytes
    body: memoryview
    message_id: str

    @property
    def size(self) -> int:
        return len(self.header) + 2 + len(self.body)

    def join(self, *front: bytes) -> bytes:
        """The whole letter, with ``front`` (Received, DKIM-Signature) above its header."""
        return b"".join((*front, self.header, b"\r\n", self.body))


def complete(
    raw: bytes,
    *,
    now: float,
    number: str,
    domain: str,
    sender: str = "",
    headers: Headers | None = None,
) -> Complete:
    """The letter as it may leave. Message-ID is made of ``number`` and ``domain``; From, if missing, of ``sender``.

    Raises TooBig for a header above the scanner's limits, Invalid (550 5.6.0) for a second From, Date, Subject … (a
    receiver that shows another one than we checked would be deceived).
    """
    headers = scan(raw) if headers is None else headers
    present = {field.name for field in headers.fields}
    _once(headers)
    added = []
    if "from" not in present and sender:
        added.append(f"From: <{sender}>\r\n")
    if "date" not in present:
        added.append(f"Date: {rfc5322(now)}\r\n")
    message_id = _message_id(headers)
    if not message_id:
        message_id = f"<{number}@{domain}>"
        if "message-id" not in present:
            added.append(f"Message-ID: {message_id}\r\n")
    header = "".join(added).encode() + _kept(raw, headers)
    return Complete(header=header, body=memoryview(raw)[headers.body :], message_id=message_id)


def _once(headers: Headers) -> None:
    seen: set[str] = set()
    for field in headers.fields:
        if field.name in ONCE and field.name in seen:
            raise Invalid(f"more than one {field.name.title()} field", code=550, enhanced="5.6.0")
        seen.add(field.name)


def _message_id(headers: Headers) -> str:
    field = headers.first("message-id")
    return field.text.decode("ascii", "replace") if field else ""


def _kept(raw: bytes, headers: Headers) -> bytes:
    """The header without the dropped fields, its last line ended."""
    if any(field.name in DROPPED for field in headers.fields):
        kept = b"".join(raw[field.start : field.end] for field in headers.fields if field.name not in DROPPED)
    else:
        kept = raw[: headers.end]
    return kept if not kept or kept.endswith(b"\n") else kept + b"\r\n"
