"""The header of the PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): who is behind a load balancer.

It stands before anything else on a connection, and is read only from peers that are known to send it. ``read`` looks
at the octets that are there: None means that more are wanted, Invalid that this is no header. Bounded: 107 octets of
version 1, ``LIMIT`` of version 2. TLVs, UDP and sockets of a file system mean nothing to mail and are skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from yubin.errors import Invalid

V1_LIMIT = 107  # section 2.1, CRLF included
LIMIT = 4096
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED = len(SIGNATURE) + 4
Kind = type[IPv4Address] | type[IPv6Address]
_V1: Mapping[str, Kind] = {"TCP4": IPv4Address, "TCP6": IPv6Address}
_V2: Mapping[int, tuple[Kind, int]] = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """``length`` octets of it are to be dropped. ``peer`` "": the connection speaks for itself (LOCAL, UNKNOWN)."""

    length: int
    peer: str = ""
    port: int = 0


def _bad() -> Invalid:
    return Invalid("Not a PROXY header", code=500, enhanced="5.5.2")


def read(held: bytes) -> Header | None:
    if SIGNATURE.startswith(held[: len(SIGNATURE)]):
        return _v2(held) if len(held) >= _FIXED else None
    if not b"PROXY ".startswith(held[:6]):
        raise _bad()
    return _v1(held)


def _v1(held: bytes) -> Header | None:
    """``PROXY TCP4 source destination port port``, section 2.1."""
    end = held.find(b"\r\n", 0, V1_LIMIT)
    if end < 0:
        if len(held) >= V1_LIMIT:
            raise _bad()
        return None
    words = held[:end].decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return Header(length=end + 2)
    if len(words) != 6 or words[1] not in _V1 or not (words[4].isascii() and words[4].isdigit()):
        raise _bad()
    return Header(length=end + 2, peer=_address(_V1[words[1]], words[2]), port=_port(int(words[4])))


def _v2(held: bytes) -> Header | None:
    """Version and command, family, length, then addresses and TLVs; section 2.2."""
    version, family = held[12], held[13]
    size = int.from_bytes(held[14:16], "big")
    if version not in {0x20, 0x21} or size > LIMIT:
        raise _bad()
    if len(held) < _FIXED + size:
        return None
    if version == 0x20 or family not in _V2:  # LOCAL: a health check of the balancer itself
        return Header(length=_FIXED + size)
    kind, width = _V2[family]
    if size < 2 * width + 4:
        raise _bad()
    at = _FIXED + 2 * width
    source = _address(kind, held[_FIXED : _FIXED + width])
    return Header(length=_FIXED + size, peer=source, port=int.from_bytes(held[at : at + 2], "big"))


def _address(kind: Kind, value: str | bytes) -> str:
    try:
        address = kind(value)
    except ValueError as error:
        raise _bad() from error
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _port(number: int) -> int:
    if number > 65535:
        raise _bad()
    return number
