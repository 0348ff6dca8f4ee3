"""The values of the mailboxes as messages of yubin.v1, and back: for the mailbox pod's handlers and for its clients.

Lists of UIDs, flags and MODSEQs travel as columns, those of a view as octets (packed.py) for who asks so. A page of a view
whose list of expunged UIDs is long is sent as several messages, the first ones without a state (``pages_to``, ``Pages``);
letters are in frames.py.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from uuid import UUID

from yubin.errors import KINDS, Failure, Internal
from yubin.mailboxes.packed import numbers, octets
from yubin.mailboxes.port import (
    Copied,
    Delivered,
    Expunged,
    Mailbox,
    Match,
    Row,
    Rows,
    Stored,
    Usage,
    View,
    Want,
    Where,
    Word,
)
from yubin.v1 import mailbox_pb2 as pb

EXPUNGED = 100_000  # UIDs in one message
NAMES = 1024 * 1024  # octets of mailboxes in one message
STATE_COST = 100  # octets of a mailbox' state besides its name


def mailbox_to(mailbox: Mailbox) -> pb.MailboxState:
    return pb.MailboxState(
        id=mailbox.id,
        name=mailbox.name,
        uidvalidity=mailbox.uidvalidity,
        uidnext=mailbox.uidnext,
        modseq=mailbox.modseq,
        expunged_floor=mailbox.expunged_floor,
        first_recent=mailbox.first_recent,
        special_use=mailbox.special_use,
        subscribed=mailbox.subscribed,
        messages=mailbox.messages,
        unseen=mailbox.unseen,
        deleted=mailbox.deleted,
        size=mailbox.size,
    )


def mailbox_from(message: pb.MailboxState) -> Mailbox:
    return Mailbox(
        id=message.id,
        name=message.name,
        uidvalidity=message.uidvalidity,
        uidnext=message.uidnext,
        modseq=message.modseq,
        expunged_floor=message.expunged_floor,
        first_recent=message.first_recent,
        special_use=message.special_use,
        subscribed=message.subscribed,
        messages=message.messages,
        unseen=message.unseen,
        deleted=message.deleted,
        size=message.size,
    )


def list_to(
    mailboxes: Sequence[Mailbox], subscriptions: Sequence[str], after: str
) -> pb.ListMailboxesResponse:
    """The names behind ``after``, as many as fit a message."""
    names = sorted({m.name for m in mailboxes} | set(subscriptions))
    held, last = 0, after
    for name in names[bisect_right(names, after) :]:
        if held > NAMES:
            break
        held, last = held + STATE_COST + 2 * len(name.encode()), name
    return pb.ListMailboxesResponse(
        mailboxes=[mailbox_to(m) for m in mailboxes if after < m.name <= last],
        subscriptions=[name for name in subscriptions if after < name <= last],
        next=last if names and last < names[-1] else "",
    )


def place_to(place: Delivered) -> pb.Place:
    return pb.Place(
        mailbox_id=place.mailbox_id,
        uidvalidity=place.uidvalidity,
        uid=place.uid,
        modseq=place.modseq,
        fresh=place.fresh,
    )


def place_from(message: pb.Place) -> Delivered:
    return Delivered(
        mailbox_id=message.mailbox_id,
        uidvalidity=message.uidvalidity,
        uid=message.uid,
        modseq=message.modseq,
        fresh=message.fresh,
    )


def outcome_to(outcome: Delivered | Failure) -> pb.CopyOutcome:
    if isinstance(outcome, Delivered):
        return pb.CopyOutcome(place=place_to(outcome))
    return pb.CopyOutcome(kind=outcome.kind, code=outcome.code, enhanced=outcome.enhanced, text=outcome.text)


def outcome_from(message: pb.CopyOutcome) -> Delivered | Failure:
    if message.kind:
        kind = KINDS.get(message.kind, Internal)
        return kind(message.text, code=message.code, enhanced=message.enhanced)
    return place_from(message.place)


def usage_to(usage: Usage) -> pb.AccountUsage:
    return pb.AccountUsage(used=usage.used, messages=usage.messages, mailboxes=usage.mailboxes)


def usage_from(message: pb.AccountUsage) -> Usage:
    return Usage(used=message.used, messages=message.messages, mailboxes=message.mailboxes)


def pages_to(view: View, *, packed: bool = False) -> Iterator[pb.ViewPage]:
    """``packed``: the columns as octets; who does not ask for that knows numbers only."""
    expunged = view.expunged or ()
    while len(expunged) > EXPUNGED:
        yield pb.ViewPage(expunged=expunged[:EXPUNGED], more=True)
        expunged = expunged[EXPUNGED:]
    page = pb.ViewPage(
        state=mailbox_to(view.state),
        keywords=view.keywords,
        expunged=expunged,
        expunged_unknown=view.expunged is None,
        more=view.more,
    )
    if packed:
        page.packed_uids, page.packed_flags = octets(view.uids), octets(view.flags)
        page.packed_modseqs, page.packed_sizes = octets(view.modseqs), octets(view.sizes)
    else:
        page.uids.extend(view.uids)
        page.flags.extend(view.flags)
        page.modseqs.extend(view.modseqs)
        page.sizes.extend(view.sizes)
    yield page


class Pages:
    """Messages to pages: those without a state are the beginning of the next one's expunged UIDs."""

    def __init__(self) -> None:
        self._expunged: list[int] = []

    def page(self, message: pb.ViewPage) -> View | None:
        """None when it was only a part. Raises Internal for columns that do not fit each other."""
        self._expunged += message.expunged
        if not message.HasField("state"):
            return None
        expunged, self._expunged = self._expunged, []
        uids, flags, modseqs, sizes = _columns(message)
        return View(
            state=mailbox_from(message.state),
            keywords=tuple(message.keywords),
            uids=uids,
            flags=flags,
            modseqs=modseqs,
            sizes=sizes,
            expunged=None if message.expunged_unknown else tuple(expunged),
            more=message.more,
        )


def _columns(message: pb.ViewPage) -> list[array[int]]:
    """As octets, or as numbers by a pod that was not asked for octets or does not know them."""
    given = (message.packed_uids, message.packed_flags, message.packed_modseqs, message.packed_sizes)
    if any(given):
        columns = [numbers(column) for column in given]
    else:
        columns = [array("Q", c) for c in (message.uids, message.flags, message.modseqs, message.sizes)]
    if len({len(column) for column in columns}) > 1:
        raise Internal("columns of a view have one length")
    return columns


def row_to(row: Row) -> pb.LetterRow:
    """Without its body."""
    return pb.LetterRow(
        uid=row.uid,
        letter_id=row.letter_id.bytes,
        size=row.size,
        received=row.received,
        saved=row.saved,
        thread=row.thread,
        envelope=row.envelope,
        structure=row.structure,
        summary=row.summary,
    )


def row_from(message: pb.LetterRow) -> Row:
    return Row(
        uid=message.uid,
        letter_id=UUID(bytes=message.letter_id),
        size=message.size,
        received=message.received,
        saved=message.saved,
        thread=message.thread,
        envelope=message.envelope,
        structure=message.structure,
        summary=message.summary,
    )


def columns_to(rows: Rows) -> pb.FetchPiece:
    return pb.FetchPiece(
        uids=rows.uids,
        letter_ids=b"".join([id_.bytes for id_ in rows.letter_ids]),
        sizes=rows.sizes,
        received=rows.received,
        saved=rows.saved,
        threads=rows.threads,
        envelopes=rows.envelopes,
        structures=rows.structures,
        summaries=rows.summaries,
    )


def columns_from(message: pb.FetchPiece, want: Want) -> Rows:
    """Also from rows, with which a pod of the version before answers."""
    if message.rows:
        return Rows.of([row_from(row) for row in message.rows], want)
    ids = message.letter_ids
    return Rows(
        uids=tuple(message.uids),
        letter_ids=tuple([UUID(bytes=ids[at : at + 16]) for at in range(0, len(ids), 16)]),
        sizes=tuple(message.sizes),
        received=tuple(message.received),
        saved=tuple(message.saved),
        threads=tuple(message.threads),
        envelopes=tuple(message.envelopes),
        structures=tuple(message.structures),
        summaries=tuple(message.summaries),
    )


def stored_to(stored: Stored) -> pb.StoreResponse:
    return pb.StoreResponse(
        uids=stored.uids,
        flags=stored.flags,
        modseqs=stored.modseqs,
        keywords=stored.keywords,
        modified=stored.modified,
        modseq=stored.modseq,
    )


def stored_from(message: pb.StoreResponse) -> Stored:
    return Stored(
        uids=list(message.uids),
        flags=list(message.flags),
        modseqs=list(message.modseqs),
        keywords=tuple(message.keywords),
        modified=tuple(message.modified),
        modseq=message.modseq,
    )


def copied_to(copied: Copied) -> pb.CopyResponse:
    return pb.CopyResponse(
        uidvalidity=copied.uidvalidity,
        sources=copied.sources,
        targets=copied.targets,
        modseq=copied.modseq,
    )


def copied_from(message: pb.CopyResponse) -> Copied:
    return Copied(
        uidvalidity=message.uidvalidity,
        sources=list(message.sources),
        targets=list(message.targets),
        modseq=message.modseq,
    )


def expunged_to(expunged: Expunged) -> pb.ExpungeResponse:
    return pb.ExpungeResponse(uids=expunged.uids, modseq=expunged.modseq)


def expunged_from(message: pb.ExpungeResponse) -> Expunged:
    return Expunged(uids=list(message.uids), modseq=message.modseq)


def words_to(words: Sequence[Word]) -> list[pb.MatchWord]:
    return [pb.MatchWord(text=word.text, prefix=word.prefix, where=word.where.value) for word in words]


def words_from(messages: Sequence[pb.MatchWord]) -> list[Word]:
    """Raises ValueError for a place that nobody knows."""
    return [Word(text=m.text, prefix=m.prefix, where=Where(m.where)) for m in messages]


def match_to(match: Match) -> pb.MatchResponse:
    return pb.MatchResponse(uids=match.uids, unknown=match.unknown)


def match_from(message: pb.MatchResponse) -> Match:
    return Match(uids=list(message.uids), unknown=list(message.unknown))
