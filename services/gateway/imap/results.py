"""What SEARCH and SORT answer (RFC 4731, RFC 5267, RFC 9394), and what is kept of it for "$" (RFC 5182)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from services.gateway.imap import selecting
from services.gateway.imap.replies import No
from yubin.errors import Failure
from yubin.imap import results
from yubin.imap.commands.keys import Key
from yubin.imap.results import Partial, partial
from yubin.imap.search import needs

if TYPE_CHECKING:
    from services.gateway.imap.session import Session


def by_modseq(session: Session, key: Key) -> bool:
    """True when the answer has a MODSEQ; asking so switches CONDSTORE on (RFC 7162 3.1)."""
    if not needs(key).modseq:
        return False
    if not session.condstore:
        session.enable("CONDSTORE")
        selecting.tell_modseq(session)
    return True


class Answer:
    """``places``: indexes of what was found, in the order of the result."""

    def __init__(
        self,
        session: Session,
        places: Sequence[int],
        returns: frozenset[str],
        asked: tuple[int, int] | None,
    ) -> None:
        self._selected = session.box
        self._places, self._returns = places, returns
        self._some = None if asked is None else partial(places, asked)

    def response(self, tag: bytes, *, uid: bool, modseq: bool) -> bytes:
        """ESEARCH; nothing where only SAVE was asked for (RFC 5182 2.1)."""
        if self._returns == {"SAVE"}:
            return b""
        some = self._some
        return results.esearch(
            tag,
            self.numbers(self._places, uid=uid),
            self._returns,
            uid=uid,
            modseq=self.modseq(self._named()) if modseq else None,
            part=some and Partial(asked=some.asked, numbers=self.numbers(some.numbers, uid=uid)),
        )

    def numbers(self, places: Sequence[int], *, uid: bool) -> list[int]:
        uids = self._selected.uids
        return [uids[at] for at in places] if uid else [at + 1 for at in places]

    def modseq(self, places: Sequence[int]) -> int:
        return max((self._selected.modseqs[at] for at in places), default=0)

    def kept(self) -> list[int]:
        """UIDs for "$", ascending (RFC 5182 2.4)."""
        return sorted(self._selected.uids[at] for at in self._named())

    def _named(self) -> Sequence[int]:
        """What the answer is about: all that was found, or, without ALL and COUNT, those that it names (RFC 4731 3.2)."""
        if self._returns & {"ALL", "COUNT"} or not self._returns & {"MIN", "MAX", "PARTIAL"}:
            return self._places
        named = set(self._some.numbers if self._some else ())
        if "MIN" in self._returns:
            named.update(self._places[:1])
        if "MAX" in self._returns:
            named.update(self._places[-1:])
        return sorted(named)


async def kept_or_nothing(
    session: Session, returns: frozenset[str], find: Callable[[], Awaitable[list[int]]]
) -> list[int]:
    """With SAVE, a search that fails leaves nothing in "$" (RFC 5182 2.1)."""
    try:
        return await find()
    except (No, Failure):
        if "SAVE" in returns:
            session.box.saved = []
        raise
