"""One letter for a person's eyes: who, when and what about, its text, and the names of what is attached.

Every line is escaped: a letter from a stranger cannot colour, move or overwrite anything on a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from yubin.cli.output import escaped, size
from yubin.mail import letterhead, mime, summary
from yubin.mail.content import text
from yubin.mail.encoded import display
from yubin.mail.filename import filename
from yubin.mail.part import Part

TEXT_LIMIT = 200_000  # characters of one part


def readable(raw: bytes) -> Iterator[str]:
    """Lines."""
    headers, part = mime.read(raw)
    head = letterhead.read(headers)
    about = summary.read(raw, headers, head, part)
    shown = {
        "From": about.from_,
        "To": about.to,
        "Cc": about.cc,
        "Date": display(head.date) if head.date else "",
        "Subject": about.subject,
    }
    yield from (f"{name}: {escaped(value)}" for name, value in shown.items() if value)
    for leaf in _leaves(part):
        yield ""
        yield from _shown(raw, leaf)


def _leaves(part: Part) -> Iterator[Part]:
    """Of alternatives the plain text, where there is one (RFC 2046 5.1.4)."""
    if not part.multipart:
        yield part
        return
    children = part.children
    if part.subtype == "alternative":
        plain = [child for child in children if (child.type, child.subtype) == ("text", "plain")]
        children = tuple(plain[:1]) or children[:1]
    for child in children:
        yield from _leaves(child)


def _shown(raw: bytes, leaf: Part) -> Iterator[str]:
    attached = leaf.disposition is not None and leaf.disposition.kind == "attachment"
    if leaf.type == "text" and not attached:
        yield from map(escaped, text(raw, leaf, TEXT_LIMIT).splitlines())
        return
    named = " ".join(
        part for part in (filename(leaf), f"{leaf.type}/{leaf.subtype}", size(leaf.size)) if part
    )
    yield f"[{escaped(named)}]"
