r"""Our own odd letters, and what a reader must make of them, written by hand from the RFCs: ``odd/*.eml``, ``odd/*.toml``.

A letter is the exact octets, CRLF and all. Beside it stand ``why`` (what is odd, and which RFC says what of it),
``envelope`` and ``bodystructure`` (in the text of ``imap_text``, the latter with its extension data), ``words`` (found
in the header, found in the body, found nowhere) and ``sections`` (name → octets).

A section's text is UTF-8 and each of its line ends a CRLF; ``\n``, ``\r``, ``\x1b`` and ``\\`` are escapes for what is not.
``{ cp932 = '…' }`` is the same in another codec. Sizes were counted from the sections, lines by their line ends.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.conformance import imap_text
from tests.conformance.imap_text import Value

FOLDER = Path(__file__).parent / "odd"
_ESCAPE = re.compile(r"\\(\\|n|r|x[0-9a-f]{2})|\n")
_PLAIN = {"\\": b"\\", "n": b"\n", "r": b"\r"}


@dataclass(frozen=True, kw_only=True)
class OddLetter:
    """``sections``: (part number, specifier) → octets; ((2, 1), "MIME") is BODY[2.1.MIME]."""

    raw: bytes
    why: str
    envelope: Value
    bodystructure: Value
    sections: dict[tuple[tuple[int, ...], str], bytes]
    header: tuple[str, ...]
    body: tuple[str, ...]
    absent: tuple[str, ...]


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.eml"))


@cache
def load(name: str) -> OddLetter:
    written = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    words = written["words"]
    return OddLetter(
        raw=(FOLDER / f"{name}.eml").read_bytes(),
        why=written["why"],
        envelope=imap_text.parse(written["envelope"].encode()),
        bodystructure=imap_text.parse(written["bodystructure"].encode()),
        sections={_section(key): _octets(value) for key, value in written["sections"].items()},
        header=tuple(words["header"]),
        body=tuple(words["body"]),
        absent=tuple(words["absent"]),
    )


def _section(key: str) -> tuple[tuple[int, ...], str]:
    parts = key.split(".")
    kind = parts.pop() if not parts[-1].isdigit() else ""
    return tuple(int(part) for part in parts), kind


def _octets(written: str | dict[str, str]) -> bytes:
    if isinstance(written, str):
        written = {"utf-8": written}
    ((codec, text),) = written.items()
    out, position = [], 0
    for m in _ESCAPE.finditer(text):
        out += [text[position : m.start()].encode(codec), _escaped(m[1])]
        position = m.end()
    return b"".join([*out, text[position:].encode(codec)])


def _escaped(code: str | None) -> bytes:
    if code is None:
        return b"\r\n"
    return _PLAIN.get(code) or bytes.fromhex(code[1:])
