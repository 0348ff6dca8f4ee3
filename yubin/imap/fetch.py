"""FETCH responses (RFC 3501 7.4.2, RFC 9051 7.5.2): what they need to know, and how they are written.

``wants`` says what has to be read before; a ``Renderer`` is made once for a command and gives one response for each
letter: ``lines`` from columns, ``response`` with the letter's octets too, ``steps`` (yubin.imap.bodies) for one that is
streamed.
Nothing here waits. A response is all of a letter or none of it: whatever can fail does so before the first octet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from yubin.imap import bodies, section
from yubin.imap.attributes import Attribute, Entries, Entry, Row, attribute
from yubin.imap.bodies import Need, Range, Steps
from yubin.imap.commands import items
from yubin.imap.commands.items import Binary, BinarySize, Item, Section
from yubin.imap.flags import Rendered, rendered
from yubin.mail import structure
from yubin.mail.part import Part

_BESIDE = (items.Flags, items.Uid, items.ModSeq)  # known without a row
_LETTER = (Section, Binary, BinarySize)


@dataclass(frozen=True, kw_only=True)
class Wants:
    """``row``: anything of the letter at all. ``body``: its octets. ``sees``: it sets the flag Seen (RFC 3501 6.4.5)."""

    row: bool
    letter_id: bool
    received: bool
    saved: bool
    thread: bool
    envelope: bool
    structure: bool
    summary: bool
    body: bool
    sees: bool

    @property
    def parsed(self) -> bool:
        """Some of it is made from what was packed."""
        return self.structure or self.summary


def wants(asked: Sequence[Item]) -> Wants:
    return Wants(
        row=any(not isinstance(item, _BESIDE) for item in asked),
        letter_id=_asks(items.EmailId, asked),
        received=_asks(items.InternalDate, asked),
        saved=_asks(items.SaveDate, asked),
        thread=_asks(items.ThreadId, asked),
        envelope=_asks(items.Envelope, asked),
        structure=any(_wants_structure(item) for item in asked),
        summary=_asks(items.Preview, asked),
        body=any(isinstance(item, _LETTER) for item in asked),
        sees=any(isinstance(item, Section | Binary) and not item.peek for item in asked),
    )


class Renderer:
    """``uid``, ``modseq``: both are told though nobody asked (UID FETCH; RFC 7162 3.1.4.2, with ``tell``).

    ``unknown_encoding`` is True when a part could not be decoded: the command ends with NO [UNKNOWN-CTE] (RFC 3516 4.3).
    """

    def __init__(
        self,
        asked: Sequence[Item],
        keywords: tuple[str, ...],
        *,
        utf8: bool = False,
        uid: bool = False,
        modseq: bool = False,
    ) -> None:
        self.unknown_encoding = False
        unique = tuple(dict.fromkeys(asked))
        if uid and items.Uid() not in unique:
            unique = (items.Uid(), *unique)
        shown = rendered(keywords)
        found = [attribute(item, shown, utf8=utf8) for item in unique]
        self._attributes: tuple[Attribute, ...] = tuple(one for one in found if one is not None)
        self._makers = tuple(_maker(item) for item in unique if isinstance(item, _LETTER))
        self._decoding = tuple(item for item in unique if isinstance(item, Binary | BinarySize))
        self._told = tuple(_told(unique, shown, modseq=modseq))
        self._needs_tree = any(_wants_structure(item) for item in unique)
        self._line = b"* %%d FETCH (%b)\r\n" % b" ".join([one.form for one in self._attributes])

    def lines(self, entries: Entries) -> Iterator[bytes]:
        """One response for each; of items that need no letter."""
        columns = [one.many(entries) for one in self._attributes]
        for values in zip(entries.seqs, *columns, strict=True):
            yield self._line % values

    def response(
        self,
        seq: int,
        uid: int,
        bits: int,
        modseq: int,
        row: Row | None = None,
        letter: bytes | None = None,
        *,
        tell: bool = False,
    ) -> bytes:
        """``tell``: its flags have just changed, and are told too. ``letter``: where ``Wants.body``."""
        entry = Entry(seq, uid, bits, modseq, row)
        if not self._makers:
            return b"* %d FETCH (%b)\r\n" % (seq, b" ".join(self._values(entry, tell)))
        if letter is None:
            raise ValueError("what was asked for needs the letter")
        return b"".join(_run(self.steps(entry, tell=tell), letter))

    def steps(self, entry: Entry, *, tell: bool = False) -> Steps:
        """The same, for a letter that somebody else reads."""
        root = self._root(entry.row)
        divider = b"* %d FETCH (" % entry.seq
        values = self._values(entry, tell)
        if values:
            yield divider + b" ".join(values)
            divider = b" "
        for maker in self._makers:
            yield divider
            divider = b" "
            yield from maker(root)
        yield b")\r\n"

    def _values(self, entry: Entry, tell: bool) -> list[bytes]:
        told = (*self._attributes, *self._told) if tell else self._attributes
        return [one.form % one.one(entry) for one in told]

    def _root(self, row: Row | None) -> Part:
        size = 0 if row is None else row.size
        root = _tree(row.structure if row is not None and self._needs_tree else b"", size)
        for item in self._decoding:
            part = section.locate(root, item.path) if item.path else root
            if part is not None and not bodies.decodable(part):
                self.unknown_encoding = True
        return root


def _asks(kind: type[Item], asked: Sequence[Item]) -> bool:
    return any(isinstance(item, kind) for item in asked)


def _wants_structure(item: Item) -> bool:
    if isinstance(item, Section):
        return bool(item.path or item.kind)
    return isinstance(item, items.BodyStructure) or (
        isinstance(item, Binary | BinarySize) and bool(item.path)
    )


def _told(asked: Sequence[Item], shown: Rendered, *, modseq: bool) -> Iterator[Attribute]:
    extra: list[Item] = [items.Flags()]
    if modseq:
        extra.append(items.ModSeq())
    for item in extra:
        found = attribute(item, shown, utf8=False)
        if item not in asked and found is not None:
            yield found


def _tree(packed: bytes, size: int) -> Part:
    """BODY[] needs no tree."""
    return structure.unpack(packed) if packed else Part(start=0, body=0, end=size)


def _maker(item: Section | Binary | BinarySize) -> Callable[[Part], Steps]:
    if isinstance(item, Section):
        return partial(bodies.section_steps, item)
    return (
        partial(bodies.binary_steps, item) if isinstance(item, Binary) else partial(bodies.size_steps, item)
    )


def _run(steps: Steps, letter: bytes) -> Iterator[bytes | memoryview]:
    """Copies nothing: who joins does."""
    step = next(steps, None)
    while step is not None:
        if isinstance(step, Need):
            step = steps.send(letter[step.offset : step.offset + step.length])
            continue
        yield _slice(letter, step) if isinstance(step, Range) else step
        step = next(steps, None)


def _slice(letter: bytes, place: Range) -> bytes | memoryview:
    end = place.offset + place.length
    if letter.find(b"\0", place.offset, end) >= 0:
        return bodies.shown(letter[place.offset : end])
    return memoryview(letter)[place.offset : end]
