"""CREATE (RFC 9051 6.3.4), with a special use (RFC 6154 3)."""

from __future__ import annotations

from dataclasses import dataclass

from yubin.imap.parser import Parser


@dataclass(frozen=True, kw_only=True, slots=True)
class Args:
    r"""``use``: attributes as the client wrote them, as ``\Sent``."""

    mailbox: str
    use: tuple[str, ...] = ()


def parse(p: Parser) -> Args:
    p.sp()
    mailbox = p.mailbox()
    if p.ended():
        return Args(mailbox=mailbox)
    p.expect(b" (USE ", "(USE …)")
    use = p.listed(lambda: _attribute(p))
    p.expect(b")", "A parenthesis")
    return Args(mailbox=mailbox, use=use)


def _attribute(p: Parser) -> str:
    p.expect(b"\\", "An attribute")
    return "\\" + p.atom("An attribute")
