"""LIST, LSUB, STATUS and NAMESPACE responses (RFC 3501 7.2, RFC 5258, RFC 9051 7.3.1 and 7.3.4).

Names are canonical text (yubin.mailboxes.names) and are written as ``yubin.imap.quoting`` has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from yubin.imap.quoting import mailbox
from yubin.imap.strings import NIL

SEPARATOR = b'"/"'

# RFC 3501 7.2.2, RFC 3348 3, RFC 5258 3, 3.4 and 4
NOINFERIORS, NOSELECT, MARKED, UNMARKED = "\\NoInferiors", "\\Noselect", "\\Marked", "\\Unmarked"
HASCHILDREN, HASNOCHILDREN = "\\HasChildren", "\\HasNoChildren"
NONEXISTENT, SUBSCRIBED, REMOTE = "\\NonExistent", "\\Subscribed", "\\Remote"


def list_(
    name: str,
    attributes: Iterable[str],
    *,
    utf8: bool,
    childinfo: Sequence[str] = (),
    oldname: str | None = None,
) -> bytes:
    """``childinfo``: why a name is shown that does not match by itself (RFC 5258 4). ``oldname``: RFC 9051 6.3.9.7."""
    extended: list[bytes] = []
    if childinfo:
        options = " ".join([f'"{option}"' for option in childinfo])
        extended.append(b'"CHILDINFO" (%b)' % options.encode())
    if oldname is not None:
        extended.append(b'"OLDNAME" (%b)' % mailbox(oldname, utf8=utf8))
    rest = b" (%b)" % b" ".join(extended) if extended else b""
    return b"* LIST %b%b\r\n" % (_entry(name, attributes, utf8), rest)


def lsub(name: str, attributes: Iterable[str], *, utf8: bool) -> bytes:
    return b"* LSUB %b\r\n" % _entry(name, attributes, utf8)


def separator() -> bytes:
    """The answer to LIST "" "" (RFC 3501 6.3.8)."""
    return b'* LIST (\\Noselect) "/" ""\r\n'


def status(name: str, items: Mapping[str, int | str | None], *, utf8: bool) -> bytes:
    """In the order of ``items``; MAILBOXID (RFC 8474 4.3) is a string, APPENDLIMIT (RFC 7889 3.2) a number or None."""
    shown = " ".join([f"{item} {_value(value)}" for item, value in items.items()])
    return b"* STATUS %b (%b)\r\n" % (mailbox(name, utf8=utf8), shown.encode())


def namespace() -> bytes:
    """RFC 2342 5: one namespace, of one's own, without a prefix."""
    return b'* NAMESPACE (("" "/")) NIL NIL\r\n'


def _entry(name: str, attributes: Iterable[str], utf8: bool) -> bytes:
    return b"(%b) %b %b" % (" ".join(attributes).encode(), SEPARATOR, mailbox(name, utf8=utf8))


def _value(value: int | str | None) -> str:
    if value is None:
        return NIL.decode()
    return f"({value})" if isinstance(value, str) else str(value)
