"""A letter's MIME tree as it is stored beside it: MessagePack, one octet of version first.

Fields of ``Part`` are only ever added, so that an older tree is read by newer code and the other way round; the version
changes when that does not hold. What cannot be read raises Internal (an answer of 4xx): the row is broken, or newer.
"""

from __future__ import annotations

import msgspec

from yubin.errors import Internal
from yubin.mail.part import Part

VERSION = b"\x01"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Part)


def pack(part: Part) -> bytes:
    return VERSION + _encoder.encode(part)


def unpack(data: bytes) -> Part:
    """Raises Internal."""
    if not data.startswith(VERSION):
        raise Internal("this letter's structure has a form that is not known here")
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError) as cause:
        raise Internal("this letter's structure cannot be read") from cause
