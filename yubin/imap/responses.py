"""Status responses, and the untagged responses that are one number or one list (RFC 3501 7, RFC 9051 7).

Values in, whole lines out. A tag is octets as the client sent it, ``*`` for untagged. Texts are made safe here: one line,
no control character, never empty, cut to ``TEXT_LIMIT``; beyond ASCII only with ``utf8`` (RFC 9051 9 ``text``), else as "?".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from yubin.errors import Failure
from yubin.imap import codes
from yubin.imap.quoting import text as string
from yubin.imap.strings import NIL

UNTAGGED = b"*"
TEXT_LIMIT = 500  # characters
SET_LIMIT = 8000  # octets of a set in one VANISHED response; RFC 7162 4
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def ok(tag: bytes, text: str, code: str = "", *, utf8: bool = False) -> bytes:
    return _status(tag, b"OK", text, code, utf8)


def no(tag: bytes, text: str, code: str = "", *, utf8: bool = False) -> bytes:
    return _status(tag, b"NO", text, code, utf8)


def bad(tag: bytes, text: str, code: str = "", *, utf8: bool = False) -> bytes:
    return _status(tag, b"BAD", text, code, utf8)


def bye(text: str, code: str = "", *, utf8: bool = False) -> bytes:
    return _status(UNTAGGED, b"BYE", text, code, utf8)


def failure(tag: bytes, trouble: Failure, code: str = "", *, utf8: bool = False) -> bytes:
    """NO with the failure's own code, or with that which the command has for it (TRYCREATE)."""
    return no(tag, trouble.text, code or codes.of(trouble), utf8=utf8)


def continuation(text: bytes = b"OK") -> bytes:
    """RFC 3501 7.5; for AUTHENTICATE ``text`` is base64, and may be empty: the space stays (RFC 9051 6.2.2)."""
    return b"+ %b\r\n" % text


def capability(names: Iterable[str]) -> bytes:
    return b"* %b\r\n" % codes.capability(names).encode()


def enabled(names: Iterable[str]) -> bytes:
    """RFC 5161 3.2; none at all is an answer too."""
    return b"* %b\r\n" % " ".join(["ENABLED", *names]).encode()


def flags(names: Iterable[str]) -> bytes:
    """RFC 3501 7.2.6: those that a mailbox has."""
    return b"* FLAGS (%b)\r\n" % " ".join(names).encode()


def exists(count: int) -> bytes:
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    return b"* %d RECENT\r\n" % count


def expunge(sequence: int) -> bytes:
    return b"* %d EXPUNGE\r\n" % sequence


def expunges(sequences: Iterable[int]) -> bytes:
    """Of messages that go together; ``sequences`` ascending, as numbered before. Each takes effect at once (7.4.1)."""
    return b"".join([expunge(number - gone) for gone, number in enumerate(sequences)])


def vanished(uids: Iterable[int], *, earlier: bool = False) -> bytes:
    """RFC 7162 3.2.10; several lines when there are many, none when there are none."""
    start = b"* VANISHED (EARLIER) %b\r\n" if earlier else b"* VANISHED %b\r\n"
    return b"".join([start % piece for piece in _sets(uids)])


def identity(fields: Mapping[str, str | None]) -> bytes:
    """RFC 2971 3.2."""
    if not fields:
        return b"* ID NIL\r\n"
    pairs = [
        b"%b %b" % (string(name, utf8=False), NIL if value is None else string(value, utf8=False))
        for name, value in fields.items()
    ]
    return b"* ID (%b)\r\n" % b" ".join(pairs)


def safe(text: str, *, utf8: bool = False) -> bytes:
    """A line's rest (RFC 3501 9 ``text``)."""
    line = " ".join(_CONTROLS.sub(" ", text[: TEXT_LIMIT * 4]).split(" ")).strip()[:TEXT_LIMIT]
    return line.encode() if utf8 else line.encode("ascii", "replace")


def _status(tag: bytes, condition: bytes, text: str, code: str, utf8: bool) -> bytes:
    shown = safe(text, utf8=utf8) or b"-"
    if code:
        return b"%b %b [%b] %b\r\n" % (tag, condition, code.encode("ascii", "replace"), shown)
    # what begins with a bracket would be read as a code
    return b"%b %b %b\r\n" % (tag, condition, shown if shown[:1] != b"[" else b"-" + shown)


def _sets(numbers: Iterable[int]) -> Iterator[bytes]:
    gathered: list[str] = []
    size = 0
    for piece in codes.ranges(numbers):
        gathered.append(piece)
        size += len(piece) + 1
        if size > SET_LIMIT:
            yield ",".join(gathered).encode()
            gathered, size = [], 0
    if gathered:
        yield ",".join(gathered).encode()
