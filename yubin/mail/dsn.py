"""Delivery status notifications (RFC 3464 in a multipart/report of RFC 6522; RFC 6533 for addresses in UTF-8).

Three parts: words for people (``yubin.mail.notice``), fields for programs, and the letter it is about: its header
only, or all of it when a failure is reported, RET=FULL was asked for and it is small (RFC 3461 4.3). Texts of peers
become one printable line each before they stand in a field, so that nothing can be smuggled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from yubin.mail.date import rfc5322
from yubin.mail.header import scan
from yubin.mail.notice import subject, words
from yubin.mail.report import Notification, Report, Reported, one_line, status_code, wanted

__all__ = ["Notification", "Report", "Reported", "compose", "wanted"]

FULL_LIMIT = 32 * 1024  # bytes of a letter that is returned whole
HEADER_LIMIT = 16 * 1024  # bytes of its header that are returned
_PEER = re.compile(r"([^\[\]\s]*)\[([^\[\]\s]+)\]")
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")


def compose(
    about: Reported, reports: Sequence[Report], *, host: str, number: str, now: float, original: bytes | None
) -> Notification | None:
    """None when nobody is to be told. ``host`` reports; ``number`` is the notification's own tracking number.

    ``original`` is the letter or the beginning of it; None when it cannot be had.
    """
    owed = [r for r in reports if r.notify is None or wanted(r.kind, r.notify)]
    if not owed or not about.sender:
        return None
    whole = original is not None and len(original) == about.size <= FULL_LIMIT
    full = whole and about.ret == "FULL" and any(r.kind == "failed" for r in owed)
    header = _header_of(original or b"")
    utf8 = about.utf8 and not _ascii(about, owed, header)
    charset = "utf-8" if utf8 else "us-ascii"
    text = words(about, owed, host=host).encode(charset, "replace")
    parts = [
        (f"text/plain; charset={charset}", text),
        (f"message/{'global-' if utf8 else ''}delivery-status", _status(about, owed, host, utf8)),
    ]
    if original is not None:
        parts.append(_original(original, utf8) if full else _original_header(header, utf8))
    head = _header(about, owed, host, number, now, header)
    body = _multipart(head, parts, number)
    body_type = "7BIT" if body.isascii() else "8BITMIME"
    return Notification(recipient=about.sender, body=body, body_type=body_type, utf8=utf8)


def _header_of(original: bytes) -> bytes:
    """Its header section, whole lines of it where it is long."""
    start = original[:HEADER_LIMIT]
    end = start.find(b"\r\n\r\n")
    return start[: (end if end >= 0 else start.rfind(b"\r\n")) + 2] if b"\r\n" in start else b""


def _ascii(about: Reported, reports: Sequence[Report], header: bytes) -> bool:
    texts = (about.sender, *(t for r in reports for t in (r.address, r.orcpt or "")))
    return header.isascii() and all(text.isascii() for text in texts)


def _header(
    about: Reported, reports: Sequence[Report], host: str, number: str, now: float, original: bytes
) -> list[tuple[str, str]]:
    return [
        ("From", f"Mail Delivery System <MAILER-DAEMON@{host}>"),
        ("To", f"<{about.sender}>"),
        ("Subject", subject(reports)),
        ("Date", rfc5322(now)),
        ("Message-ID", f"<{number}@{host}>"),
        *(("In-Reply-To", m) for m in _message_id(original)),
        ("Auto-Submitted", "auto-replied"),  # RFC 3834 5
        ("MIME-Version", "1.0"),
    ]


def _message_id(header: bytes) -> Iterator[str]:
    """So that a mail program shows the report beside the letter."""
    field = scan(header, fields=HEADER_LIMIT).first("message-id")
    if field and _MESSAGE_ID.fullmatch(field.text):
        yield field.text.decode()


def _status(about: Reported, reports: Sequence[Report], host: str, utf8: bool) -> bytes:
    """RFC 3464 2.1: the fields of the message, an empty line, those of each recipient."""
    message = [("Reporting-MTA", f"dns; {host}"), ("Arrival-Date", rfc5322(about.created))]
    if about.envid is not None:
        message.insert(0, ("Original-Envelope-Id", about.envid))
    message.append(("X-Yubin-Tracking-Number", about.number))
    groups = [message, *(list(_recipient(r, utf8)) for r in reports)]
    return b"\r\n".join(b"".join(_field(name, value, utf8=utf8) for name, value in group) for group in groups)


def _recipient(report: Report, utf8: bool) -> Iterator[tuple[str, str]]:
    """RFC 3464 2.3, in its order."""
    if report.orcpt:
        kind, semicolon, address = report.orcpt.partition(";")
        if semicolon:
            yield "Original-Recipient", _address(kind.strip(), address.strip(), utf8)
    yield "Final-Recipient", _address("rfc822", report.address, utf8)
    yield "Action", report.kind
    yield "Status", status_code(report)
    if m := _PEER.match(report.peer):
        yield "Remote-MTA", f"dns; {m[1] or f'[{m[2]}]'}"
    if report.text or report.code:
        kind = "smtp" if report.peer else "X-Yubin"
        yield "Diagnostic-Code", f"{kind}; {report.code or ''} {report.enhanced} {report.text}"
    if report.last_attempt is not None:
        yield "Last-Attempt-Date", rfc5322(report.last_attempt)
    if report.kind == "delayed" and report.will_retry_until is not None:
        yield "Will-Retry-Until", rfc5322(report.will_retry_until)


def _address(kind: str, address: str, utf8: bool) -> str:
    """RFC 6533 3: beyond ASCII the type is utf-8, written as it is, or as utf-8-addr-xtext where that cannot be."""
    if address.isascii():
        return f"{kind}; {address}"
    if not utf8:
        address = "".join(c if "!" <= c <= "~" and c not in "\\+=" else f"\\x{{{ord(c):X}}}" for c in address)
    return f"utf-8; {address}"


def _original(data: bytes, utf8: bool) -> tuple[str, bytes]:
    return ("message/global" if utf8 else "message/rfc822"), data


def _original_header(data: bytes, utf8: bool) -> tuple[str, bytes]:
    if utf8:
        return "message/global-headers", data
    # text/rfc822-headers is 7-bit (RFC 6522 4)
    return "text/rfc822-headers", data.decode("ascii", "replace").replace(
        "\N{REPLACEMENT CHARACTER}", "?"
    ).encode()


def _boundary(number: str) -> str:
    return f"=_yubin_{number}"  # nobody who wrote the original could know it


def _multipart(header: list[tuple[str, str]], parts: Sequence[tuple[str, bytes]], number: str) -> bytes:
    delimiter = b"--" + _boundary(number).encode()
    out: list[bytes] = []
    for kind, data in parts:
        head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {_encoding(data)}\r\n\r\n".encode()
        out += (delimiter, b"\r\n", head, data, b"\r\n")
    text = b"".join((*out, delimiter, b"--\r\n"))
    content = f'multipart/report; report-type=delivery-status; boundary="{_boundary(number)}"'
    fields = (*header, ("Content-Type", content), ("Content-Transfer-Encoding", _encoding(text)))
    return b"".join((*(_field(name, value, utf8=True) for name, value in fields), b"\r\n", text))


def _encoding(data: bytes) -> str:
    return "7bit" if data.isascii() else "8bit"


def _field(name: str, value: str, *, utf8: bool) -> bytes:
    """One printable line, folded below 78 columns where it has spaces, cut where it is endless."""
    lines, line = [], f"{name}:"
    for word in one_line(value).split():
        if len(line) + 1 + len(word) > 77 and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word[:240]}"
    return "\r\n".join((*lines, line)).encode("utf-8" if utf8 else "ascii", "replace") + b"\r\n"
