"""A letter as it is kept: Return-Path and our Received in front (RFC 5321 4.4), and behind them the bytes that came.

Two kinds of field are taken out, since they lie: a Return-Path, which only the last server writes, and an
Authentication-Results that claims to be ours (RFC 8601 5; CASES K6). Nothing else is changed, whatever it is: what
came in is what is fetched (CASES G8, G12). A letter that begins with white space gets an empty line before it, or it
would become part of our own field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from yubin.errors import Invalid
from yubin.mail.header import Field, Headers, scan
from yubin.mail.message import Complete

ID_WITHIN = 1000  # octets of a field; a name that is hidden deeper is nobody's honest one
_AUTHSERV_ID = re.compile(rb'"((?:[^"\\]|\\.)*+)"|([^\s;()"]++)')


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """``header`` and ``rest`` together are the letter without what was taken out."""

    headers: Headers
    header: bytes
    rest: memoryview
    body: memoryview

    @property
    def size(self) -> int:
        return len(self.header) + len(self.rest)

    def kept(self, *front: bytes) -> tuple[bytes, bytes]:
        """The bytes for mailboxes, with ``front`` before them, and their SHA-256."""
        gap = b"\r\n" if not self.header and bytes(self.rest[:1]) in {b" ", b"\t"} else b""
        letter = b"".join((*front, gap, self.header, self.rest))
        return letter, sha256(letter).digest()

    def onward(self) -> Complete:
        """For a server elsewhere; the empty line is put in where it was missing."""
        ended = not self.header or self.header.endswith(b"\n")
        header = self.header if ended else self.header + b"\r\n"
        return Complete(header=header, body=self.body, message_id="")

    def says(self, field: str) -> bool:
        """Some field begins so, ``Name: value`` in any case."""
        name, _, value = field.partition(":")
        begin = value.strip().encode().lower()
        return any(f.text.lower().startswith(begin) for f in self.headers.all(name))


def arrived(content: bytes, *, hostname: str, hops: int) -> Arrived:
    """Raises Invalid (554 5.4.6, CASES I4) for more than ``hops`` Received fields, TooBig for a header without end."""
    headers = scan(content)
    if len(headers.all("received")) > hops:  # RFC 5321 6.3
        raise Invalid("Too many hops", code=554, enhanced="5.4.6")
    whole = memoryview(content)
    header = content[: headers.end]
    if lies := [field for field in headers.fields if _lies(field, hostname)]:
        header = b"".join(_between(whole, lies, headers.end))
    return Arrived(headers=headers, header=header, rest=whole[headers.end :], body=whole[headers.body :])


def return_path(sender: str) -> bytes:
    """``sender`` "" is the null reverse-path."""
    return f"Return-Path: <{sender}>\r\n".encode()


def _between(whole: memoryview, left_out: list[Field], end: int) -> list[memoryview]:
    starts = [0, *(field.end for field in left_out)]
    ends = [*(field.start for field in left_out), end]
    return [whole[start:stop] for start, stop in zip(starts, ends, strict=True)]


def _lies(field: Field, hostname: str) -> bool:
    if field.name == "return-path":
        return True
    if field.name != "authentication-results":
        return False
    claimed = authserv_id(field.value)
    return claimed is None or claimed.lower() == hostname.lower()


def authserv_id(value: bytes) -> str | None:
    """Who made an Authentication-Results (RFC 8601 2.2), behind any comments; None when that cannot be told."""
    at, depth, end = 0, 0, min(len(value), ID_WITHIN)
    while at < end:
        octet = value[at : at + 1]
        if octet == b"(":
            depth += 1
        elif octet == b")" and depth:
            depth -= 1
        elif octet == b"\\" and depth:
            at += 1
        elif not depth and not octet.isspace():
            break
        at += 1
    found = _AUTHSERV_ID.match(value, at, end)
    if found is None:
        return None
    quoted, token = found.groups()
    text: bytes = token if token is not None else re.sub(rb"\\(.)", rb"\1", quoted)
    return text.decode("utf-8", "replace")
