"""ENVELOPE (RFC 3501 7.4.2, RFC 9051 7.5.2) of a letter, as it is sent.

Sender and Reply-To are From where they are missing or empty. Groups have their NIL-host marks. Bounds are those of
yubin.mail.letterhead: 1,000 addresses a field, 64 KiB of it; a longer list is cut.
"""

from __future__ import annotations

from yubin.imap.strings import NIL, nstring, string
from yubin.mail.addresslist import Address
from yubin.mail.header import Headers
from yubin.mail.letterhead import Letterhead, read


def envelope(raw: bytes, headers: Headers) -> bytes:  # noqa: ARG001 - the header's bytes, for who has them
    """The text in parentheses, for the header that ``yubin.mail.fields.read(raw)`` found."""
    return render(read(headers))


def render(head: Letterhead) -> bytes:
    author = _list(head.from_)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring(head.date),
        nstring(head.subject),
        author,
        _list(head.sender) if head.sender else author,
        _list(head.reply_to) if head.reply_to else author,
        _list(head.to),
        _list(head.cc),
        _list(head.bcc),
        nstring(head.in_reply_to),
        nstring(head.message_id),
    )


def _list(addresses: list[Address]) -> bytes:
    return b"(%b)" % b"".join([_address(address) for address in addresses]) if addresses else NIL


def _address(address: Address) -> bytes:
    name, route, local, host = address
    if name is None and route is None and local is not None and host is not None:
        return b"(NIL NIL %b %b)" % (string(local), string(host))
    return b"(%b %b %b %b)" % (nstring(name), nstring(route), nstring(local), nstring(host))
