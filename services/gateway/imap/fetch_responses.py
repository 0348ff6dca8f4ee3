"""The FETCH responses of one command, from the columns of the selected mailbox and what was read of a letter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from yubin.imap import flags as shown
from yubin.imap.attributes import Entries, Entry
from yubin.imap.bodies import Steps
from yubin.imap.commands.items import Item
from yubin.imap.fetch import Renderer
from yubin.mailboxes.port import Row, Rows

if TYPE_CHECKING:
    from services.gateway.imap.session import Session


def recent_from(session: Session) -> int:
    """RFC 9051 E: IMAP4rev2 has no such flag."""
    return shown.NO_RECENT if session.rev2 else session.box.recent_from


class Responses:
    """``at``: an index into the columns. ``tell``: the flags have just changed, and are told too."""

    def __init__(self, session: Session, asked: Sequence[Item], *, uid: bool) -> None:
        self._session, self._selected = session, session.box
        self._asked, self._uid = asked, uid
        self._undecoded = False
        self._renderer, self._keywords = self._new_renderer(), self._selected.keywords

    @property
    def undecoded(self) -> bool:
        """Some part had an encoding that nobody knows (RFC 3516 4.3)."""
        return self._undecoded or self._renderer.unknown_encoding

    def one(self, at: int, row: Row | None, letter: bytes | None = None, *, tell: bool = False) -> bytes:
        entry = self._entry(at, row)
        return self._current().response(
            entry.seq, entry.uid, entry.bits, entry.modseq, row, letter, tell=tell
        )

    def many(self, places: Sequence[int], rows: Rows | None) -> Iterator[bytes]:
        """Ascending; of items that need no letter. ``rows`` has one for each, and may be None where nobody asked for any."""
        here = self._selected
        uids, bits = _taken(here.uids, places), _taken(here.flags, places)
        bits = shown.recent(uids, bits, recent_from(self._session))
        modseqs, sizes = _taken(here.modseqs, places), _taken(here.sizes, places)
        return self._current().lines(Entries([at + 1 for at in places], uids, bits, modseqs, sizes, rows))

    def steps(self, at: int, row: Row, *, tell: bool) -> Steps:
        """For a letter that is streamed."""
        return self._current().steps(self._entry(at, row), tell=tell)

    def _entry(self, at: int, row: Row | None) -> Entry:
        selected = self._selected
        uid, bits = selected.uids[at], selected.flags[at]
        if uid >= recent_from(self._session):
            bits |= shown.RECENT
        return Entry(at + 1, uid, bits, selected.modseqs[at], row)

    def _current(self) -> Renderer:
        """Another one when there are new keywords."""
        if self._keywords != self._selected.keywords:
            self._undecoded |= self._renderer.unknown_encoding
            self._renderer, self._keywords = self._new_renderer(), self._selected.keywords
        return self._renderer

    def _new_renderer(self) -> Renderer:
        return Renderer(
            self._asked,
            self._selected.keywords,
            utf8=self._session.utf8,
            uid=self._uid,
            modseq=self._session.condstore,
        )


def _taken(column: Sequence[int], places: Sequence[int]) -> Sequence[int]:
    if isinstance(places, range):
        return column[places.start : places.stop]
    return [column[at] for at in places]
