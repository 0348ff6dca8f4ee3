"""The beginning of a letter's text, for lists of letters (RFC 8970): at most 200 characters on one line."""

from __future__ import annotations

from collections.abc import Iterator

from yubin.mail.content import text
from yubin.mail.part import Part

LIMIT = 200  # RFC 8970 3.2
PLAIN_OCTETS = 2 * 1024  # of the content that are read for it
HTML_OCTETS = 32 * 1024  # mail of shops begins with style sheets
_PARTS = 100


def preview(raw: bytes, part: Part) -> str:
    """Of the first plain text, or, where there is none, of the first HTML; not of attachments, nor of letters inside."""
    html: Part | None = None
    for _, leaf in zip(range(_PARTS), leaves(part), strict=False):
        if leaf.type != "text" or (leaf.disposition is not None and leaf.disposition.kind == "attachment"):
            continue
        if leaf.subtype == "plain":
            shown = _line(text(raw, leaf, PLAIN_OCTETS))
            if shown:
                return shown
        elif leaf.subtype == "html" and html is None:
            html = leaf
    return "" if html is None else _line(text(raw, html, HTML_OCTETS))


def leaves(part: Part) -> Iterator[Part]:
    """The parts of a letter that are no multiparts, in order; letters inside count as one."""
    waiting = [part]
    while waiting:
        here = waiting.pop()
        if here.multipart:
            waiting.extend(reversed(here.children))
        else:
            yield here


def _line(found: str) -> str:
    line = " ".join(found[: LIMIT * 20].split())[:LIMIT]
    return line if line.isprintable() else " ".join("".join(c if _shown(c) else " " for c in line).split())


def _shown(character: str) -> bool:
    """Joiners within emoji, and private use characters, are not "printable" and are text."""
    return (
        character.isprintable()
        or character in "\u200c\u200d"
        or "\ue000" <= character <= "\uf8ff"
        or character == "\u3000"
    )
