"""Where a section (RFC 3501 6.4.5, RFC 9051 6.4.5.1) of a letter lies: offsets, so that nothing is scanned again.

Part numbers go through multiparts and through the letters inside message/rfc822; a letter that is no multipart has one
part, itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from yubin.mail.part import Part


def find(part: Part, path: Sequence[int], kind: str = "") -> tuple[int, int] | None:
    """Offset and length of ``BODY[path.kind]`` in the letter whose tree is ``part``; None when there is no such section.

    ``kind``: "" (the body, or, without a path, the whole letter), HEADER, TEXT, MIME.
    """
    if not path:
        if kind == "MIME":
            return None
        return _slice(part.start, part.end) if not kind else _letter(part, kind)
    found = locate(part, path)
    if found is None:
        return None
    if kind == "":
        return _slice(found.body, found.end)
    if kind == "MIME":
        return _slice(found.start, found.body)
    return _letter(found.children[0], kind) if found.message and found.children else None


def locate(part: Part, path: Sequence[int]) -> Part | None:
    """The part that a path names."""
    here: Part | None = part
    for depth, number in enumerate(path):
        if here is not None and depth and here.message:
            here = here.children[0] if here.children else None
        elif here is not None and depth and not here.multipart:
            return None
        if here is None:
            return None
        here = _child(here, number)
    return here


def _child(letter: Part, number: int) -> Part | None:
    if not letter.multipart:
        return letter if number == 1 else None
    return letter.children[number - 1] if 1 <= number <= len(letter.children) else None


def _letter(part: Part, kind: str) -> tuple[int, int] | None:
    if kind == "HEADER":
        return _slice(part.start, part.body)
    return _slice(part.body, part.end) if kind == "TEXT" else None


def _slice(start: int, end: int) -> tuple[int, int]:
    return start, end - start
