"""What lists, sorting, threading and searching want to know of a letter, decoded once on arrival.

Text is what people should see: encoded words and raw 8-bit text read, controls made spaces. Everything is bounded
(CASES G13): a letter has a thousand addresses in its ENVELOPE, and a hundred here.
"""

from __future__ import annotations

import re

import msgspec

from yubin.errors import Internal
from yubin.mail import date, subject
from yubin.mail.addresslist import Address
from yubin.mail.encoded import display
from yubin.mail.header import Headers
from yubin.mail.letterhead import Letterhead
from yubin.mail.part import Part
from yubin.mail.preview import preview

VERSION = b"\x01"
ADDRESSES = 100  # of each field
REFERENCES = 100  # the last ones
TEXT_LIMIT = 2000  # characters of a subject or a name
REFERENCES_OCTETS = 32 * 1024  # from the end of the field
_ID = re.compile(rb"<([^<>\s]{1,900}+)>")


class Summary(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """``from_``, ``to``, ``cc``, ``bcc``: ``Name <local@host>, …``. Ids without brackets, "" where there is none.

    ``base`` is the base subject, ``reply`` says that it was one (RFC 5256 2.1). ``date`` in Unix seconds.
    """

    subject: str = ""
    base: str = ""
    reply: bool = False
    from_: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    date: float | None = None
    preview: str = ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Summary)


def pack(summary: Summary) -> bytes:
    return VERSION + _encoder.encode(summary)


def unpack(data: bytes) -> Summary:
    """Raises Internal."""
    if not data.startswith(VERSION):
        raise Internal("this letter's summary has a form that is not known here")
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.MsgspecError, ValueError) as cause:
        raise Internal("this letter's summary cannot be read") from cause


def read(raw: bytes, headers: Headers, head: Letterhead, part: Part) -> Summary:
    """From what was read of the letter already. Never raises."""
    shown = display(head.subject)[:TEXT_LIMIT] if head.subject else ""
    base = subject.base(shown)
    return Summary(
        subject=shown,
        base=base.text,
        reply=base.reply,
        from_=correspondents(head.from_),
        to=correspondents(head.to),
        cc=correspondents(head.cc),
        bcc=correspondents(head.bcc),
        message_id=identifier(head.message_id),
        in_reply_to=identifier(head.in_reply_to),
        references=references(headers),
        date=date.parse(head.date.decode("latin-1")) if head.date else None,
        preview=preview(raw, part),
    )


def correspondents(addresses: list[Address]) -> str:
    """For people: names decoded, groups as ``Name: a@b;``."""
    if not addresses:
        return ""
    text, divider = [], ""
    for address in addresses[:ADDRESSES]:
        name, _, local, host = address
        if local is None:
            text.append(";")
            divider = ", "
        elif host is None:
            text.append(f"{divider}{display(local)[:TEXT_LIMIT]}: ")
            divider = ""
        else:
            spec = display(local + b"@" + host)[:TEXT_LIMIT]
            text.append(f"{divider}{display(name)[:TEXT_LIMIT]} <{spec}>" if name else divider + spec)
            divider = ", "
    return "".join(text)


def identifier(value: bytes | None) -> str:
    """The first msg-id of a field (RFC 5322 3.6.4), or what stands there instead."""
    if not value:
        return ""
    m = _ID.search(value)
    return display(m[1] if m else value.strip(b"<> \t")[:900])


def references(headers: Headers) -> tuple[str, ...]:
    found = _ID.findall(_references(headers)[-REFERENCES_OCTETS:])
    return tuple([display(octets) for octets in found[-REFERENCES:]])


def first_reference(headers: Headers) -> str:
    """The letter that began it all; "" where there is none."""
    m = _ID.search(_references(headers))
    return "" if m is None else display(m[1])


def _references(headers: Headers) -> bytes:
    return next((entry[1] for entry in headers.fields if entry[0] == "references"), b"")
