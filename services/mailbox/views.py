"""Mailboxes that were looked at lately, as columns: who logs in again finds little that is new, or nothing.

The store says what the mailbox is like now and what became of it since, in one snapshot, and that is put into what is
here. Where it does not add up to the messages and octets that the mailbox has (a database that lost its last commits may
use a MODSEQ twice), or where the store does not know any more, all is read anew. Only mailboxes of one page lie here, the
least lately used give way, and another pod has its own.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

from services.mailbox import meters
from yubin.mailboxes.port import Mailboxes, View

PAGE = 5000  # entries
COST = 500  # octets of a view besides its entries, about
ENTRY = 32
Columns = tuple["array[int]", "array[int]", "array[int]", "array[int]"]  # UIDs, flags, MODSEQs, sizes


class Views:
    """``limit`` in octets; 0: nothing is kept."""

    def __init__(self, mailboxes: Mailboxes, limit: int) -> None:
        self._mailboxes, self._limit, self._octets = mailboxes, limit, 0
        self._views: OrderedDict[tuple[str, int], View] = OrderedDict()  # the last one was used last

    async def first(self, account: str, mailbox_id: int) -> View:
        """The first page of all that there is. Raises what the store raises."""
        if (known := self._views.get((account, mailbox_id))) is not None:
            news = await self._mailboxes.view(account, mailbox_id, since=known.state.modseq, limit=PAGE)
            if (view := _together(known, news)) is not None:
                meters.VIEWS_FROM_MEMORY.inc()
                self._keep(account, mailbox_id, view)
                return view
        meters.VIEWS_FROM_STORE.inc()
        view = await self._mailboxes.view(account, mailbox_id, limit=PAGE)
        self._keep(account, mailbox_id, view)
        return view

    def _keep(self, account: str, mailbox_id: int, view: View) -> None:
        key = account, mailbox_id
        if (old := self._views.pop(key, None)) is not None:
            self._octets -= _cost(old)
        if view.more:
            return
        self._views[key] = view
        self._octets += _cost(view)
        while self._octets > self._limit:
            _, last = self._views.popitem(last=False)
            self._octets -= _cost(last)


def _cost(view: View) -> int:
    return COST + ENTRY * len(view.uids)


def _together(known: View, news: View) -> View | None:
    """None where it has to be read anew."""
    state = news.state
    if news.more or news.expunged is None or state.uidvalidity != known.state.uidvalidity:
        return None
    if state.modseq < known.state.modseq:  # it has lost what is known here
        return None
    if not news.uids and not news.expunged:
        same = (known.state.messages, known.state.size) == (state.messages, state.size)
        return replace(known, state=state, keywords=news.keywords) if same else None
    columns = _without(_columns(known), news.expunged)
    if not _put(columns, _columns(news)):
        return None
    uids, flags, modseqs, sizes = columns
    if len(uids) != state.messages or len(uids) > PAGE or sum(sizes) != state.size:
        return None
    return replace(news, uids=uids, flags=flags, modseqs=modseqs, sizes=sizes, expunged=())


def _columns(view: View) -> Columns:
    return array("Q", view.uids), array("Q", view.flags), array("Q", view.modseqs), array("Q", view.sizes)


def _without(columns: Columns, gone: Sequence[int]) -> Columns:
    """UIDs that came and went since are not here."""
    uids = columns[0]
    keep = bytearray(b"\1") * len(uids)
    for uid in gone:
        at = bisect_left(uids, uid)
        if at < len(uids) and uids[at] == uid:
            keep[at] = 0
    if all(keep):
        return columns
    without = [array("Q", compress(column, keep)) for column in columns]
    return without[0], without[1], without[2], without[3]


def _put(columns: Columns, changed: Columns) -> bool:
    """Flags that changed, and what came behind the last one. False for a UID that should have been here."""
    uids, flags, modseqs, _ = columns
    for entry in zip(*changed, strict=True):
        uid, bits, modseq, _ = entry
        at = bisect_left(uids, uid)
        if at == len(uids):
            for column, value in zip(columns, entry, strict=True):
                column.append(value)
        elif uids[at] == uid:
            flags[at], modseqs[at] = bits, modseq
        else:
            return False
    return True
