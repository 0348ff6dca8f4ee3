"""What is kept beside a letter so that it need not be read again: one look at its header, one at its parts.

Both functions are CPU alone and never raise; above 256 KiB callers run them in a thread.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

from yubin.imap import envelope
from yubin.mail import letterhead, mime, structure, summary, words
from yubin.mail.header import Headers
from yubin.mail.summary import Summary
from yubin.mailboxes.port import Parsed

_THREAD_OCTETS = 15  # 24 letters of base32


def read(raw: bytes) -> Parsed:
    headers, part = mime.read(raw)
    head = letterhead.read(headers)
    about = summary.read(raw, headers, head, part)
    return Parsed(
        envelope=envelope.render(head),
        structure=structure.pack(part),
        summary=summary.pack(about),
        thread=_thread(raw, headers, about),
    )


def index_words(raw: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """The words of the header, and those of the body."""
    found = words.of(raw, mime.read(raw))
    return found.header, found.body


def _thread(raw: bytes, headers: Headers, about: Summary) -> str:
    """RFC 8474 5.2: letters have one in common that go back to one letter, by the first of their references."""
    first = summary.first_reference(headers) or about.in_reply_to or about.message_id
    digest = sha256(first.encode() if first else raw).digest()
    return "T" + b32encode(digest[:_THREAD_OCTETS]).decode("ascii")
