r"""Flags (RFC 3501 2.3.2, RFC 9051 2.3.2) from bit sets to names, and FETCH responses of flags alone, in bulk.

A bit set is what a mailbox keeps: five bits for the system flags, then one for each of its keywords in their order. A
mailbox has few different sets, so each is rendered once: ``rendered(keywords)[bits]`` is a dictionary that fills itself,
bounded by being emptied. ``\Recent`` is no bit of a mailbox but a view's own: UIDs from ``recent_from`` have it, and
``NO_RECENT`` is beyond all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

SYSTEM = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")  # bits 1, 2, 4, 8, 16
SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = (1 << n for n in range(len(SYSTEM)))
FIRST_KEYWORD = len(SYSTEM)
RECENT = 1 << 63
NO_RECENT = 1 << 32
_SETS = 4096
_KNOWN = {name.lower(): name for name in (*SYSTEM, "\\Recent")}


class Rendered(dict[int, bytes]):
    """Bits, with RECENT or without, as the list in parentheses."""

    def __init__(self, keywords: tuple[str, ...]) -> None:
        super().__init__()
        self._keywords = keywords

    def __missing__(self, bits: int) -> bytes:
        if len(self) >= _SETS:
            self.clear()
        line = self[bits] = b"(%b)" % " ".join(
            names(bits & ~RECENT, self._keywords, recent=bits & RECENT != 0)
        ).encode("ascii", "replace")
        return line


@lru_cache(256)
def rendered(keywords: tuple[str, ...]) -> Rendered:
    return Rendered(keywords)


def names(bits: int, keywords: Sequence[str], *, recent: bool = False) -> list[str]:
    """Of one bit set; bits that no keyword has are passed over."""
    found = ["\\Recent"] if recent else []
    found += [name for n, name in enumerate(SYSTEM) if bits >> n & 1]
    rest = bits >> FIRST_KEYWORD
    if rest:
        found += [name for n, name in enumerate(keywords) if rest >> n & 1]
    return found


def bit(name: str, keywords: Sequence[str]) -> int:
    """The bit that a name has, in any case (RFC 3501 9: flags are case-insensitive); 0 where it has none."""
    wanted = name.lower()
    for n, known in enumerate((*SYSTEM, *keywords)):
        if known.lower() == wanted:
            return 1 << n
    return 0


def canonical(name: str) -> str:
    """System flags as RFC 9051 2.3.2 writes them; keywords as they are."""
    return _KNOWN.get(name.lower(), name)


def lines(
    seqs: Sequence[int],
    uids: Sequence[int],
    bits: Sequence[int],
    keywords: tuple[str, ...],
    *,
    uid: bool,
    modseqs: Sequence[int] | None = None,
    recent_from: int = NO_RECENT,
) -> bytes:
    """``* n FETCH (UID u FLAGS (…) MODSEQ (m))`` for each, UID and MODSEQ where they are asked for."""
    shown = rendered(keywords)
    marked = recent(uids, bits, recent_from)
    if modseqs is None:
        if not uid:
            return b"".join(
                [b"* %d FETCH (FLAGS %b)\r\n" % (n, shown[f]) for n, f in zip(seqs, marked, strict=True)]
            )
        rows = zip(seqs, uids, marked, strict=True)
        return b"".join([b"* %d FETCH (UID %d FLAGS %b)\r\n" % (n, u, shown[f]) for n, u, f in rows])
    columns = zip(seqs, uids, marked, modseqs, strict=True)
    if not uid:
        return b"".join(
            [b"* %d FETCH (FLAGS %b MODSEQ (%d))\r\n" % (n, shown[f], m) for n, _, f, m in columns]
        )
    return b"".join(
        [b"* %d FETCH (UID %d FLAGS %b MODSEQ (%d))\r\n" % (n, u, shown[f], m) for n, u, f, m in columns]
    )


def recent(uids: Sequence[int], bits: Sequence[int], recent_from: int) -> Sequence[int]:
    """With RECENT where it is; ``uids`` ascend."""
    if not uids or uids[-1] < recent_from:
        return bits
    return [f | RECENT if u >= recent_from else f for u, f in zip(uids, bits, strict=True)]
