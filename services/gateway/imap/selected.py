"""The selected mailbox as this client knows it (RFC 9051 2.3.1.2): UIDs by sequence number, their flags, in columns.

The columns are what the client was told, never more: a message that is gone stays until EXPUNGE or VANISHED may be said
(RFC 9051 7.5.1), a new one comes with EXISTS. ``sync`` (updates.py) asks the mailbox pod what has changed and tells it.
100,000 messages are 2.8 MB here. UIDs ascend, so that a sequence number is found by bisection.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING

from services.gateway.imap import updates
from services.gateway.imap.replies import BadCommand
from yubin.imap.sets import SequenceSet
from yubin.mailboxes.packed import narrow
from yubin.mailboxes.port import Delivered, Mailbox, View

if TYPE_CHECKING:
    from services.gateway.imap.session import Session

OWN = 64  # MODSEQs


class Selected:
    """``modseq``: everything up to it is known here. ``saved``: UIDs of the last SEARCH (RFC 5182).

    ``recent_from``: UIDs from it on are recent in this session. ``told``: how many messages the client knows of.
    ``gone``: UIDs that are expunged and may not be told yet. ``stale``: our own command has changed the mailbox; the
    conversation looks for what is new when the command has ended. ``own``: MODSEQs above ``modseq`` of what this session has
    changed and told since the last look; at most ``OWN``, the latest.
    """

    def __init__(self, mailbox: Mailbox, *, read_only: bool) -> None:
        self.mailbox, self.read_only = mailbox, read_only
        self.uids, self.flags = array("I"), array("Q")
        self.modseqs, self.sizes = array("Q"), array("Q")
        self.keywords: tuple[str, ...] = ()
        self.recent_from = mailbox.first_recent
        self.saved: list[int] = []
        self.modseq = 0
        self.told = 0
        self.new_from = mailbox.uidnext  # UIDs that came since it was selected
        self.gone: set[int] = set()
        self.reach = 0  # while something is ``gone``: the MODSEQ up to which the client was told everything
        self.stale = False
        self.own: tuple[int, ...] = ()
        self.looked = 0.0  # when it was last compared, by the loop's clock

    def __len__(self) -> int:
        return len(self.uids)

    # ── numbers ──

    def place(self, uid: int) -> int:
        """The index in the columns, or -1."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else -1

    def seq(self, uid: int) -> int:
        """The message sequence number; 0 for a UID that this client does not know."""
        return self.place(uid) + 1

    def resolve(self, wanted: SequenceSet, uid: bool) -> list[int]:
        """UIDs, ascending; of a set of UIDs those that are here. Raises BadCommand for a message number that is not."""
        if wanted.saved:  # RFC 5182 2.1
            return [one for one in self.saved if self.place(one) >= 0]
        if uid:
            return [one for some in wanted.places(self.uids) for one in self.uids[some.start : some.stop]]
        count = len(self.uids)
        if wanted.highest > count or (wanted.star and not count):
            raise BadCommand("There is no message of this number")
        return [one for low, high in wanted.resolved(count) for one in self.uids[low - 1 : high]]

    @property
    def recent(self) -> int:
        """How many are recent."""
        return len(self.uids) - bisect_left(self.uids, self.recent_from)

    # ── changes ──

    def knows(self, modseq: int) -> bool:
        """That the client has been told what it did: as all up to it, or as its own."""
        return modseq <= self.modseq or modseq in self.own

    def did(self, modseq: int) -> bool:
        """Our own change, which the client was told of. True where nothing else happened since: it is the next MODSEQ.

        Then everything up to it is known. It has to be ours for certain: what STORE answers may be another's.
        """
        if modseq == self.modseq + 1:
            self.modseq = modseq
            return True
        self._own(modseq)
        return False

    def _own(self, modseq: int) -> None:
        if modseq > self.modseq:
            self.own = (*self.own[1 - OWN :], modseq)

    # ── what becomes of messages ──

    def load(self, page: View) -> None:
        """Messages behind all that are here."""
        self.uids.extend(narrow(page.uids))
        self.flags.extend(array("Q", page.flags))
        self.modseqs.extend(array("Q", page.modseqs))
        self.sizes.extend(array("Q", page.sizes))

    def note(
        self,
        uids: Sequence[int],
        flags: Sequence[int],
        modseqs: Sequence[int],
        keywords: tuple[str, ...] | None = None,
    ) -> None:
        """What the client was told of its own change, so that ``sync`` does not tell it again.

        Where STORE found all as it should be, the MODSEQ is another's: the next comparison finds what else that one did.
        """
        for uid, bits, modseq in zip(uids, flags, modseqs, strict=True):
            if (at := self.place(uid)) >= 0:
                self.flags[at], self.modseqs[at] = bits, modseq
        if modseqs:
            self._own(max(modseqs))
        if keywords is not None:
            self.keywords = keywords

    def drop(self, uids: Iterable[int]) -> list[int]:
        """Forgets messages and gives the sequence numbers that they had, ascending."""
        lost = set(uids)
        places = sorted(at for at in map(self.place, lost) if at >= 0)
        self.gone -= lost
        if len(places) < 16:
            for at in reversed(places):
                for column in (self.uids, self.flags, self.modseqs, self.sizes):
                    del column[at]
        else:
            keep = bytearray(b"\1") * len(self.uids)
            for at in places:
                keep[at] = 0
            self.uids = array("I", compress(self.uids, keep))
            self.flags = array("Q", compress(self.flags, keep))
            self.modseqs = array("Q", compress(self.modseqs, keep))
            self.sizes = array("Q", compress(self.sizes, keep))
        self.told -= len(places)
        return [at + 1 for at in places]

    # ── telling ──

    def appended(
        self, session: Session, places: Sequence[Delivered], flags: Sequence[int], sizes: Sequence[int]
    ) -> bool:
        """Letters that this client has brought, told with EXISTS. False where others came before them: ``sync`` is due."""
        uidnext = self.mailbox.uidnext
        if [place.uid for place in places] != [*range(uidnext, uidnext + len(places))]:
            return False
        for place, bits, size in zip(places, flags, sizes, strict=True):
            self.uids.append(place.uid)
            self.flags.append(bits)
            self.modseqs.append(place.modseq)
            self.sizes.append(size)
            self.did(place.modseq)
        self.mailbox = replace(self.mailbox, uidnext=uidnext + len(places))
        updates.tell_new(self, session)
        return True

    def expunged(self, session: Session, uids: Iterable[int]) -> None:
        """Tells that these are gone, as EXPUNGE or VANISHED: after our own EXPUNGE or MOVE."""
        updates.tell_expunged(self, session, uids)

    def tell_keywords(self, session: Session, keywords: tuple[str, ...]) -> None:
        """FLAGS and PERMANENTFLAGS where there are new ones; before anything that shows them."""
        updates.tell_keywords(self, session, keywords)

    async def sync(self, session: Session, expunges: bool) -> None:
        """Tells what has changed since the last time. Raises NotFound when the mailbox is gone, Unavailable."""
        await updates.sync(self, session, expunges=expunges)
