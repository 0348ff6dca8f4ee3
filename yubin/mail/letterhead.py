"""What a letter says of itself in its header: the fields of an ENVELOPE (RFC 3501 7.4.2), read once for all uses.

Of a field that may stand once, the first counts; To, Cc and Bcc are taken together (RFC 5322 4.5.3). Text is unfolded and
otherwise left as octets, encoded words included.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from yubin.mail import addresslist
from yubin.mail.addresslist import Address
from yubin.mail.header import Headers, unfold

TEXT_LIMIT = 16 * 1024  # octets of an unstructured field
_TEXTS = ("date", "subject", "in-reply-to", "message-id")
_MANY = frozenset({"to", "cc", "bcc"})
_LISTS = _MANY | {"from", "sender", "reply-to"}
_WANTED = _LISTS | frozenset(_TEXTS)


class Letterhead(NamedTuple):
    """Texts are None and lists are empty where there is no such field; Sender and Reply-To have no default here."""

    date: bytes | None
    subject: bytes | None
    from_: list[Address]
    sender: list[Address]
    reply_to: list[Address]
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    in_reply_to: bytes | None
    message_id: bytes | None


def read(headers: Headers) -> Letterhead:
    return of((entry[0], entry[1]) for entry in headers.fields)


def of(entries: Iterable[tuple[str, bytes]]) -> Letterhead:
    """From names in lower case and values as they stand."""
    texts: dict[str, bytes] = {}
    lists: dict[str, list[Address]] = {}
    for name, value in entries:
        if name not in _WANTED:
            continue
        if name in _LISTS:
            known = lists.get(name)
            if known is None:
                lists[name] = addresslist.read(value)
            elif name in _MANY and len(known) < addresslist.LIMIT:
                known.extend(addresslist.read(value, addresslist.LIMIT - len(known)))
        elif name not in texts:
            texts[name] = unfold(value[:TEXT_LIMIT])
    none: list[Address] = []
    return Letterhead(
        texts.get("date"),
        texts.get("subject"),
        lists.get("from", none),
        lists.get("sender", none),
        lists.get("reply-to", none),
        lists.get("to", none),
        lists.get("cc", none),
        lists.get("bcc", none),
        texts.get("in-reply-to"),
        texts.get("message-id"),
    )
