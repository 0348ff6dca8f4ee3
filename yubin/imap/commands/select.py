"""SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3), with CONDSTORE and QRESYNC (RFC 7162 3.1.8, 3.2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.flaw import Flaw
from yubin.imap.parser import Parser
from yubin.imap.sets import SequenceSet


@dataclass(frozen=True, kw_only=True, slots=True)
class QResync:
    """``match``: known sequence numbers, and UIDs that go with them (RFC 7162 3.2.5.2)."""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None
    match: tuple[SequenceSet, SequenceSet] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    mailbox: str
    condstore: bool = False
    qresync: QResync | None = None


def parse(p: Parser) -> Args:
    p.sp()
    mailbox = p.mailbox()
    if p.ended():
        return Args(mailbox=mailbox)
    p.sp()
    params = dict(p.listed(lambda: _param(p), least=1))
    return Args(mailbox=mailbox, condstore="CONDSTORE" in params, qresync=params.get("QRESYNC"))


def _param(p: Parser) -> tuple[str, QResync | None]:
    name = p.word("A parameter")
    if name == "CONDSTORE":
        return name, None
    if name != "QRESYNC":
        raise Flaw("Unknown parameter")
    p.sp()
    return name, _qresync(p)


def _qresync(p: Parser) -> QResync:
    p.expect(b"(", "UIDVALIDITY in parentheses")
    uidvalidity = p.nz_number()
    p.sp()
    modseq = p.mod_sequence_value()
    known = match = None
    if p.took(b" ") and not p.sees(b"("):
        known = p.known_set()
        matching = p.took(b" ")
    else:
        matching = p.sees(b"(")
    if matching:
        match = _match(p)
    p.expect(b")", "A parenthesis")
    return QResync(uidvalidity=uidvalidity, modseq=modseq, known=known, match=match)


def _match(p: Parser) -> tuple[SequenceSet, SequenceSet]:
    p.expect(b"(", "Sequence numbers in parentheses")
    numbers = p.known_set()
    p.sp()
    uids = p.known_set()
    p.expect(b")", "A parenthesis")
    return numbers, uids
