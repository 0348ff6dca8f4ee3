"""How the items of FETCH are written (RFC 9051 9: fetch-att, section; RFC 3516 7; RFC 8970)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from yubin.imap.commands.items import (
    Binary,
    BinarySize,
    BodyStructure,
    EmailId,
    Envelope,
    Flags,
    InternalDate,
    Item,
    ModSeq,
    Preview,
    SaveDate,
    Section,
    Size,
    ThreadId,
    Uid,
)
from yubin.imap.flaw import Flaw
from yubin.imap.limits import PATH
from yubin.imap.parser import Parser
from yubin.imap.sets import MOST

_FAST: tuple[Item, ...] = (Flags(), InternalDate(), Size())
_ALL: tuple[Item, ...] = (*_FAST, Envelope())
MACROS: Mapping[str, tuple[Item, ...]] = {
    "FAST": _FAST,
    "ALL": _ALL,
    "FULL": (*_ALL, BodyStructure(extended=False)),
}
_SIMPLE: Mapping[str, Item] = {
    "FLAGS": Flags(),
    "ENVELOPE": Envelope(),
    "BODYSTRUCTURE": BodyStructure(extended=True),
    "INTERNALDATE": InternalDate(),
    "RFC822.SIZE": Size(),
    "UID": Uid(),
    "MODSEQ": ModSeq(),  # RFC 7162 3.1.4
    "EMAILID": EmailId(),  # RFC 8474 5.1
    "THREADID": ThreadId(),  # RFC 8474 5.2
    "SAVEDATE": SaveDate(),  # RFC 8514 4.1
    "RFC822": Section(rfc822="RFC822"),
    "RFC822.HEADER": Section(kind="HEADER", peek=True, rfc822="RFC822.HEADER"),
    "RFC822.TEXT": Section(kind="TEXT", rfc822="RFC822.TEXT"),
}
_MESSAGE_TEXTS = frozenset({"HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT"})
_PATH = re.compile(rb"[1-9][0-9]{0,9}(?:\.[1-9][0-9]{0,9})*+")
_TEXT = re.compile(rb"[A-Za-z.]++")


def fetch_att(p: Parser) -> Item:
    name = p.word("An item")
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name == "PREVIEW":
        return Preview(lazy=p.took(b" (LAZY)"))
    if name == "BODY" and not p.sees(b"["):
        return BodyStructure(extended=False)
    if name in {"BODY", "BODY.PEEK"}:
        return _body(p, peek=name == "BODY.PEEK")
    if name in {"BINARY", "BINARY.PEEK"}:
        path = _section_binary(p)
        offset, length = _partial(p)
        return Binary(path=path, offset=offset, length=length, peek=name == "BINARY.PEEK")
    if name == "BINARY.SIZE":
        return BinarySize(path=_section_binary(p))
    raise Flaw("Unknown item of FETCH")


def _body(p: Parser, *, peek: bool) -> Section:
    p.expect(b"[", "A section")
    path = _section_part(p)
    kind = _section_text(p, path)
    fields: tuple[bytes, ...] = ()
    if kind.startswith("HEADER.FIELDS"):
        p.sp()
        fields = p.listed(lambda: p.astring("A field's name"), least=1)
    p.expect(b"]", "The end of the section")
    offset, length = _partial(p)
    return Section(path=path, kind=kind, fields=fields, offset=offset, length=length, peek=peek)


def _section_text(p: Parser, path: tuple[int, ...]) -> str:
    if p.sees(b"]") or (path and not p.took(b".")):
        return ""
    kind = p.match(_TEXT, "A section's text").decode("ascii").upper()
    if kind not in _MESSAGE_TEXTS and not (path and kind == "MIME"):
        raise Flaw("Unknown section")
    return kind


def _section_binary(p: Parser) -> tuple[int, ...]:
    p.expect(b"[", "A section")
    path = _section_part(p)
    p.expect(b"]", "The end of the section")
    return path


def _section_part(p: Parser) -> tuple[int, ...]:
    found = _PATH.match(p.text, p.at)
    if found is None:
        return ()
    if found[0].count(b".") >= PATH:
        raise Flaw(f"A part lies at most {PATH} levels deep", code="LIMIT")
    p.at = found.end()
    path = tuple(map(int, found[0].split(b".")))
    if max(path) > MOST:
        raise Flaw("A part's number is too large")
    return path


def _partial(p: Parser) -> tuple[int | None, int | None]:
    if not p.took(b"<"):
        return None, None
    offset = p.number64()
    p.expect(b".", "A length")
    length = p.number("A length", 1, 2**63 - 1)
    p.expect(b">", "The end of the range")
    return offset, length
