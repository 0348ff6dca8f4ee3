"""The MIME tree of a letter (RFC 2045, 2046): one walk over its bytes, and whatever stands there gives a tree.

Bodies are never copied. The walk stands at the beginning of a part: it asks where the next delimiter of an open
multipart is (yubin.mail.boundaries), reads the header up to there at most, and either finishes a leaf or opens a
multipart or a message and goes on inside. What a delimiter ends is closed with it, also when its own last one is missing.

Read as Dovecot reads it: of several fields the first counts; a Content-Type that cannot be read is text/plain in
us-ascii (RFC 2045 5.2), and so is a multipart without boundary; a multipart without parts has one that is empty. A
delimiter ends a header too. Beyond ``DEPTH_LIMIT`` levels a multipart or message is an opaque application/octet-stream,
behind ``PART_LIMIT`` parts, or fewer in a small letter, the last one holds the rest (CASES G1, G2); opaque is also a multipart within several others whose
boundaries its own begins with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from yubin.mail import entity, fields
from yubin.mail.boundaries import Boundaries
from yubin.mail.entity import MESSAGE, OPAQUE, TEXT, US_ASCII, Entity, Parts
from yubin.mail.header import Headers
from yubin.mail.part import Parameters, Part

DEPTH_LIMIT = 100
PART_LIMIT = 10_000
PART_LEAST, PART_OCTETS = 500, 32  # a small letter may have so many, and one more for so many octets
_COMPOSITE = frozenset({"multipart", "message"})


class Letter(NamedTuple):
    headers: Headers
    part: Part


@dataclass
class _Open:
    """A multipart or message whose end is not known yet."""

    entity: Entity
    children: list[Part] = field(default_factory=list)
    fields: Parameters = ()


def parse(raw: bytes) -> Part:
    """The whole letter as a part. Never raises."""
    return read(raw).part


def read(raw: bytes) -> Letter:
    """The letter's own header, and its tree."""
    walk = _Walk(raw)
    return Letter(walk.headers, walk.run())


class _Walk:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._boundaries = Boundaries(raw)
        self._make = Parts(raw)
        self._open: list[_Open] = []
        self._parts, self._limit = 0, min(PART_LIMIT, PART_LEAST + len(raw) // PART_OCTETS)
        self._root: Part | None = None
        self.headers = fields.read(raw)

    def run(self) -> Part:
        size = len(self._raw)
        position = self._part(0, self.headers, size)
        while self._open:
            at = size if self._parts >= self._limit else self._boundaries.next(position - 1)
            if at >= size:
                self._close(0, size)
                break
            owner, closing, position = self._boundaries.take(at)
            self._close(owner + 1, self._line_end(at))
            if not closing:
                stop = self._stop(position)
                position = self._part(position, fields.read(self._raw, position, stop), stop)
        return self._root if self._root is not None else Part(start=0, body=0, end=size)

    def _stop(self, position: int) -> int:
        """Where the part that begins at ``position`` ends at the latest, with the line feed before the delimiter."""
        size = len(self._raw)
        if self._parts + 1 >= self._limit:
            return size
        return min(self._boundaries.next(position - 1) + 1, size)

    def _line_end(self, at: int) -> int:
        """RFC 2046 5.1.1: the line end before a delimiter belongs to it."""
        return at - 1 if at and self._raw[at - 1] == 13 else at

    def _part(self, start: int, headers: Headers, stop: int) -> int:
        """Reads the part at ``start``, and those that begin with it; the walk goes on at what it returns."""
        digest = self._open and self._open[-1].entity.kind[1] == "digest"
        default = MESSAGE if digest else TEXT  # RFC 2046 5.1.5
        while True:
            self._parts += 1
            here = entity.read(headers, start, default)
            if here.kind[0] not in _COMPOSITE or not here.readable:
                self._leaf(here, stop)
                return stop
            if self._full(here):
                self._leaf(here._replace(kind=OPAQUE), stop)
                return stop
            self._open.append(_Open(here))
            if here.multipart:
                self._boundaries.push(entity.boundary(here.kind), len(self._open) - 1)
                return here.body
            default, start = TEXT, here.body
            headers = fields.read(self._raw, start, stop)
            self._open[-1].fields = self._make.envelope(headers)

    def _full(self, here: Entity) -> bool:
        if len(self._open) >= DEPTH_LIMIT or self._parts >= self._limit:
            return True
        return here.multipart and self._boundaries.crowded(entity.boundary(here.kind))

    def _leaf(self, here: Entity, stop: int) -> None:
        """The header of a part is closed by its empty line, that of a letter inside a part ends with the part."""
        end = self._line_end(stop - 1) if stop < len(self._raw) else stop
        if self._open and self._open[-1].entity.letter:
            here = here._replace(body=min(here.body, max(end, here.start)))
        self._add(self._make.part(here, max(end, here.body)))

    def _close(self, keep: int, end: int) -> None:
        while len(self._open) > keep:
            node = self._open.pop()
            end = max(end, node.entity.body)  # a delimiter may have ended its header
            if not node.children:
                node.children.append(Part(start=end, body=end, end=end, params=US_ASCII))
            end = max(end, node.children[-1].end)
            self._add(self._make.part(node.entity, end, tuple(node.children), node.fields))

    def _add(self, part: Part) -> None:
        if self._open:
            self._open[-1].children.append(part)
        else:
            self._root = part
