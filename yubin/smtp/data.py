r"""The body on the wire: CRLF line ends only, lines of at most 998 octets, dots stuffed, the final dot apart.

A stored letter is taken as it is and cut into chunks of about 64 KiB at line ends, so that a 50 MB letter never exists
twice. Each chunk passes three steps that cost next to nothing where there is nothing to do:

- a bare CR or LF becomes CRLF (RFC 5321 2.3.8; a bare one that a peer takes for a line end is how a second letter is
  smuggled in behind a dot);
- a line longer than 998 octets is broken with CRLF SP, as Postfix does (RFC 5321 4.5.3.1.6; in a header it is folding),
  never inside a UTF-8 character;
- a dot that begins a line is doubled (RFC 5321 4.5.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CHUNK = 64 * 1024
LINE = 998
FINAL_DOT = b".\r\n"

_BARE = re.compile(rb"\r\n|\r|\n")


def wire(body: bytes) -> Iterator[bytes]:
    """Chunks to send after 354, whole lines each; the caller sends ``FINAL_DOT`` behind the last."""
    position, joint = 0, b""
    while position < len(body):
        end, broken = _cut(body, position)
        chunk = _stuffed(_short(_repaired(joint + body[position:end])))
        joint = b" " if broken else b""
        position = end
        yield chunk if chunk.endswith(b"\r\n") else chunk + b"\r\n"


def _cut(body: bytes, start: int) -> tuple[int, bool]:
    """The end of a chunk, and whether it lies inside a line."""
    limit = start + CHUNK
    if limit >= len(body):
        return len(body), False
    end = body.rfind(b"\n", start, limit) + 1
    if end:
        return end, False
    limit = _character(body, limit)
    if body[limit - 1 : limit + 1] == b"\r\n":
        return limit + 1, False
    return limit, body[limit - 1] != 0x0D


def _repaired(chunk: bytes) -> bytes:
    pairs = chunk.count(b"\r\n")
    if chunk.count(b"\n") == pairs == chunk.count(b"\r"):
        return chunk
    return _BARE.sub(b"\r\n", chunk)


def _short(chunk: bytes) -> bytes:
    """Jumps from the last line end within reach to the next: a dozen searches for 10 KiB."""
    position, length = 0, len(chunk)
    while length - position > LINE:
        end = chunk.rfind(b"\r\n", position, position + LINE + 2)
        if end < 0:
            return chunk[:position] + _broken(chunk[position:])
        position = end + 2
    return chunk


def _broken(chunk: bytes) -> bytes:
    return b"\r\n".join(piece for line in chunk.split(b"\r\n") for piece in _pieces(line))


def _pieces(line: bytes) -> Iterator[bytes]:
    position, lead = 0, b""
    while len(line) - position > LINE - len(lead):
        end = _character(line, position + LINE - len(lead))
        yield lead + line[position:end]
        position, lead = end, b" "
    yield lead + line[position:]


def _character(text: bytes, at: int) -> int:
    """``at``, or up to three octets before it, where a UTF-8 character begins (RFC 3629 3)."""
    for back in range(4):
        if text[at - back] & 0xC0 != 0x80:
            return at - back
    return at


def _stuffed(chunk: bytes) -> bytes:
    stuffed = chunk.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed
