"""FETCH items that need the letter itself: BODY[…], RFC822…, BINARY[…] and BINARY.SIZE[…], without reading all of it.

A packed MIME tree says where each section lies, so that FETCH always agrees with BODYSTRUCTURE. An item gives its answer in
steps: ``bytes`` are sent as they are; a ``Range`` stands for octets of the letter, which go to the client as they lie, but
for ``shown``; a ``Need`` asks for octets that have to be looked at (a header to choose from, a part to decode), and gets
them back by ``send``. So a letter of any size is streamed by whoever has it, and a small one is a slice.

A section that does not exist is NIL, as in Dovecot (RFC 9051 7.5.2: nstring); one that is empty, or that a partial fetch
begins behind, is "" (6.4.5).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from yubin.imap import section
from yubin.imap.commands.items import Binary, BinarySize, Section
from yubin.imap.quoting import astring
from yubin.imap.strings import NIL
from yubin.mail import content, fields
from yubin.mail.part import Part

EMPTY = b'""'
DECODED_LIMIT = 1 << 31  # octets; no letter has as many
_NOTHING = Part(start=0, body=0, end=0)
_KNOWN = frozenset(
    {"", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue"}
)


@dataclass(frozen=True, slots=True)
class Range:
    """Octets of the letter for the client: ``shown`` of each piece."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Need:
    """Octets of the letter for us, all at once."""

    offset: int
    length: int


Steps = Generator[bytes | Range | Need, bytes, None]


def shown(piece: bytes) -> bytes:
    """RFC 3501 9 CHAR8: a literal has no NUL; as Dovecot does, one is shown as another octet, so that sizes hold."""
    return piece.replace(b"\0", b"\x80") if b"\0" in piece else piece


def section_steps(item: Section, root: Part) -> Steps:
    """``NAME value``."""
    yield _section_name(item)
    by_fields = item.kind.startswith("HEADER.FIELDS")
    place = _find(root, item.path, "HEADER" if by_fields else item.kind)
    if place is None:
        yield NIL
        return
    if by_fields:
        header = (yield Need(*place)) if place[1] else b""
        yield literal(_cut(_chosen(header, item), item.offset, item.length))
        return
    offset, length = _window(*place, item.offset, item.length)
    if not length:
        yield EMPTY
        return
    yield b"{%d}\r\n" % length
    yield Range(offset, length)


def binary_steps(item: Binary, root: Part) -> Steps:
    """RFC 3516 4.2; the caller has asked ``decodable``."""
    yield b"BINARY[%b]%b " % (_path(item.path), _origin(item.offset))
    part = _locate(root, item.path)
    if part is None or not decodable(part):
        yield NIL
        return
    octets = yield from _decoded(part, whole=not item.path)
    octets = _cut(octets, item.offset, item.length)
    yield b"~" if b"\0" in octets else b""  # RFC 3516 4.4: literal8
    yield literal(octets)


def size_steps(item: BinarySize, root: Part) -> Steps:
    """RFC 3516 4.2: the size of what BINARY would give; a number is all that the grammar has, also where there is no part."""
    part = _locate(root, item.path)
    size = 0
    if part is not None and decodable(part):
        if _plain(part) or not item.path:
            size = part.end - (part.body if item.path else part.start)
        else:
            octets = yield from _decoded(part, whole=False)
            size = len(octets)
    yield b"BINARY.SIZE[%b] %d" % (_path(item.path), size)


def decodable(part: Part) -> bool:
    """False: NO [UNKNOWN-CTE] (RFC 3516 4.3)."""
    return part.multipart or bool(part.children) or part.encoding in _KNOWN


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets) if octets else EMPTY


def _locate(root: Part, path: tuple[int, ...]) -> Part | None:
    if not path:
        return root
    return section.locate(root, path) or (_NOTHING if _unread(root, path[:-1]) and path[-1] == 1 else None)


def _find(root: Part, path: tuple[int, ...], kind: str) -> tuple[int, int] | None:
    found = section.find(root, path, kind)
    if found is None and path:
        inside = _unread(root, path) if kind in {"HEADER", "TEXT"} else _locate(root, path) is _NOTHING
        return (0, 0) if inside else None
    return found


def _unread(root: Part, path: tuple[int, ...]) -> bool:
    """A letter inside that is encoded: BODYSTRUCTURE shows an empty one (yubin.imap.bodystructure), and so do we."""
    part = section.locate(root, path) if path else None
    return part is not None and part.message and not part.children


def _decoded(part: Part, *, whole: bool) -> Generator[bytes | Range | Need, bytes, bytes]:
    """``whole``: with its header; what has parts inside has no encoding of its own (RFC 2045 6.4)."""
    start = part.start if whole else part.body
    octets = (yield Need(start, part.end - start)) if part.end > start else b""
    if whole or _plain(part):
        return octets
    alone = Part(start=0, body=0, end=len(octets), encoding=part.encoding)
    return content.decoded(octets, alone, DECODED_LIMIT)


def _plain(part: Part) -> bool:
    return bool(part.children) or part.encoding in {"", "7bit", "8bit", "binary"}


def _chosen(header: bytes, item: Section) -> bytes:
    """RFC 3501 6.4.5: the fields that are named, or all others; the empty line always, where there is one."""
    names = {name.decode("latin-1").lower() for name in item.fields}
    found = fields.read(header)
    named = [entry for entry in found.fields if entry.name in names]
    if item.kind == "HEADER.FIELDS":
        return b"".join([*(header[entry.start : entry.end] for entry in named), header[found.end :]])
    kept, at = [], 0
    for entry in named:
        kept.append(header[at : entry.start])
        at = entry.end
    return b"".join([*kept, header[at:]])


def _cut(octets: bytes, offset: int | None, length: int | None) -> bytes:
    start, size = _window(0, len(octets), offset, length)
    return octets[start : start + size]


def _window(start: int, size: int, offset: int | None, length: int | None) -> tuple[int, int]:
    if offset is None:
        return start, size
    begin = min(offset, size)
    return start + begin, size - begin if length is None else min(length, size - begin)


def _section_name(item: Section) -> bytes:
    """As it was asked for, but for the length of a partial fetch (RFC 9051 7.5.2)."""
    if item.rfc822:
        return item.rfc822.encode() + b" "
    spec = b".".join([piece for piece in (_path(item.path), item.kind.encode()) if piece])
    if item.fields:
        spec += b" (%b)" % b" ".join([astring(name) for name in item.fields])
    return b"BODY[%b]%b " % (spec, _origin(item.offset))


def _path(path: tuple[int, ...]) -> bytes:
    return b".".join([b"%d" % number for number in path])


def _origin(offset: int | None) -> bytes:
    return b"" if offset is None else b"<%d>" % offset
