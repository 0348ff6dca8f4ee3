"""How the keys of SEARCH, SORT and THREAD are written (RFC 9051 9: search-key, and extensions).

Keys are counted and their depth is bounded (CASES H6). The right side of an OR is read in a loop, so that a chain of ORs
is as deep as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yubin.imap.commands.keys import (
    All,
    And,
    Date,
    EmailId,
    Flag,
    Key,
    ModSeq,
    Not,
    Older,
    Or,
    Saved,
    SaveDateSupported,
    Set,
    Size,
    Text,
    ThreadId,
    Uid,
    Younger,
)
from yubin.imap.flaw import Flaw
from yubin.imap.limits import DEPTH, TERMS
from yubin.imap.parser import Parser
from yubin.mail import charset as charsets

BADCHARSET = "BADCHARSET (US-ASCII UTF-8 ISO-2022-JP SHIFT_JIS EUC-JP ISO-8859-1)"
_SIMPLE: Mapping[str, Key] = {
    "ALL": All(),
    "ANSWERED": Flag(name="\\Answered"),
    "DELETED": Flag(name="\\Deleted"),
    "DRAFT": Flag(name="\\Draft"),
    "FLAGGED": Flag(name="\\Flagged"),
    "NEW": And(keys=(Flag(name="\\Recent"), Flag(name="\\Seen", on=False))),
    "OLD": Flag(name="\\Recent", on=False),
    "RECENT": Flag(name="\\Recent"),
    "SEEN": Flag(name="\\Seen"),
    "UNANSWERED": Flag(name="\\Answered", on=False),
    "UNDELETED": Flag(name="\\Deleted", on=False),
    "UNDRAFT": Flag(name="\\Draft", on=False),
    "UNFLAGGED": Flag(name="\\Flagged", on=False),
    "UNSEEN": Flag(name="\\Seen", on=False),
    "SAVEDATESUPPORTED": SaveDateSupported(),  # RFC 8514 4.3
}
_TEXTS = frozenset({"BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO"})


def _date(which: str, op: str) -> Callable[[Parser], Key]:
    return lambda p: Date(which=which, op=op, day=p.date())


def _uid(p: Parser) -> Key:
    numbers = p.sequence_set()
    return Saved() if numbers.saved else Uid(set=numbers)


def _modseq(p: Parser) -> ModSeq:
    """RFC 7162 3.1.5."""
    entry = ""
    if p.sees(b'"'):
        entry = p.text_of(p.string())
        p.sp()
        if p.word("priv, shared or all") not in {"PRIV", "SHARED", "ALL"}:
            raise Flaw("priv, shared or all is expected")
        p.sp()
    return ModSeq(modseq=p.number64("A modification sequence"), entry=entry)


_VALUED: Mapping[str, Callable[[Parser], Key]] = {
    "KEYWORD": lambda p: Flag(name=p.atom("A keyword")),
    "UNKEYWORD": lambda p: Flag(name=p.atom("A keyword"), on=False),
    "LARGER": lambda p: Size(op=">", size=p.number64()),
    "SMALLER": lambda p: Size(op="<", size=p.number64()),
    "UID": _uid,
    "MODSEQ": _modseq,
    "YOUNGER": lambda p: Younger(seconds=p.nz_number()),  # RFC 5032
    "OLDER": lambda p: Older(seconds=p.nz_number()),
    "EMAILID": lambda p: EmailId(id=p.objectid()),  # RFC 8474 6
    "THREADID": lambda p: ThreadId(id=p.objectid()),
    **{
        f"{prefix}{op.upper()}": _date(which, op)
        for prefix, which in (("", "internal"), ("SENT", "sent"), ("SAVED", "saved"))  # SAVED: RFC 8514
        for op in ("before", "on", "since")
    },
}


def search_program(p: Parser, charset: str) -> Key:
    """One or more keys, each behind a space. ``charset``: of their strings."""
    return _Keys(p, charset).program()


def charset_name(p: Parser) -> str:
    """Raises Flaw (NO [BADCHARSET]) for one that nobody knows (RFC 9051 6.4.4)."""
    name = p.astring("A charset").decode("ascii", "replace")
    if not charsets.known(name):
        raise Flaw("This charset is not known", code=BADCHARSET, status="NO")
    return name


class _Keys:
    def __init__(self, p: Parser, charset: str) -> None:
        self.p, self.charset, self.count = p, charset, 0

    def program(self) -> Key:
        keys: list[Key] = []
        while not self.p.ended():
            self.p.sp()
            keys.append(self.search_key(0))
        if not keys:
            raise self.p.expected("A search key")
        return keys[0] if len(keys) == 1 else And(keys=tuple(keys))

    def search_key(self, depth: int) -> Key:
        self.count += 1
        if self.count > TERMS:
            raise Flaw(f"A search has at most {TERMS} keys", code="LIMIT")
        if depth > DEPTH:
            raise Flaw(f"A search is at most {DEPTH} levels deep", code="LIMIT")
        p = self.p
        if p.sees(b"("):
            keys = p.listed(lambda: self.search_key(depth + 1), least=1, most=TERMS)
            return keys[0] if len(keys) == 1 else And(keys=keys)
        if p.text[p.at : p.at + 1] in b"0123456789*$" and not p.ended():
            numbers = p.sequence_set()
            return Saved() if numbers.saved else Set(set=numbers)
        name = p.word("A search key")
        if name in _SIMPLE:
            return _SIMPLE[name]
        p.sp()
        if name == "NOT":
            return Not(key=self.search_key(depth + 1))
        return self._or(depth + 1) if name == "OR" else self._valued(name)

    def _or(self, depth: int) -> Or:
        keys: list[Key] = []
        while True:
            keys.append(self.search_key(depth))
            self.p.sp()
            if not self.p.took(b"OR "):
                break
        keys.append(self.search_key(depth))
        return Or(keys=tuple(keys))

    def _valued(self, name: str) -> Key:
        """A key with a value of its own."""
        if name in _VALUED:
            return _VALUED[name](self.p)
        if name in _TEXTS:
            return Text(where=name, text=self._text())
        if name != "HEADER":
            raise Flaw("Unknown search key")
        field = self.p.text_of(self.p.astring("A field's name"))
        self.p.sp()
        return Text(where=name, field=field, text=self._text())

    def _text(self) -> str:
        return charsets.decode(self.p.astring(), self.charset)
