"""The lines of a letter (RFC 5321 2.3.8, 4.5.2, 4.5.3.1.6), judged and changed as a whole.

Nothing here walks line by line over a letter that is as it should be: counting, searching and replacing are done by
the C code of ``bytes``, which is what makes a 10 KB letter cost microseconds.
"""

from __future__ import annotations

LINE = 998  # octets before CRLF


def bare(content: bytes) -> bool:
    """True when a CR or LF stands alone (CASES E1); such a letter is refused, since others may see a line end there."""
    ends = content.count(b"\r\n")
    return content.count(b"\n") != ends or content.count(b"\r") != ends


def unstuffed(content: bytes) -> bytes:
    """Without the dot that the client put before each line that begins with one (RFC 5321 4.5.2)."""
    if content.startswith(b"."):
        content = content[1:]
    return content.replace(b"\r\n.", b"\r\n") if b"\r\n." in content else content


def long(content: bytes) -> bool:
    """True when a line has more than 998 octets. From each line end it looks for the last one within reach."""
    at, size = 0, len(content)
    while at + LINE < size:
        end = content.rfind(b"\r\n", at, at + LINE + 2)
        if end < 0:
            return True
        at = end + 2
    return False


def folded(content: bytes) -> bytes:
    """Lines above 998 octets broken with CRLF SP, as Postfix does, never inside a UTF-8 character.

    In a header that is folding (RFC 5322 2.2.3). It is done before the letter is signed: the client side would have
    to do it otherwise, and break the signature.
    """
    pieces: list[bytes] = []
    for line in content.split(b"\r\n"):
        at, room = 0, LINE
        while len(line) - at > room:
            end = at + room
            while end > at + room - 4 and line[end] & 0xC0 == 0x80:
                end -= 1
            pieces.append((b" " if at else b"") + line[at:end])
            at, room = end, LINE - 1
        pieces.append((b" " if at else b"") + line[at:])
    return b"\r\n".join(pieces)
