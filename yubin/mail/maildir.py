"""Maildir and Maildir++, the part that is names (cr.yp.to/proto/maildir.html, Dovecot's and Courier's additions).

A letter is a file in ``cur``, or in ``new`` while no program has seen it; its name is unique, and behind ":2," stand its
flags. Lower-case letters are keywords, which the file ``dovecot-keywords`` of the folder names. A subfolder of ``A/B``
is the folder ``.A.B``, in modified UTF-7. Files have LF line ends; ``S`` and ``W`` in a name are the sizes with LF and with
CRLF: where they are the same the octets are the letter's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yubin.errors import Invalid
from yubin.mail import utf7
from yubin.mail.mbox import with_crlf
from yubin.mail.mboxrd import tidy

KEYWORDS = 26  # of one folder
KEYWORDS_FILE = "dovecot-keywords"
NAME_LIMIT = 255  # octets of a file's name
_MARKS = {
    "\\Draft": "D",
    "\\Flagged": "F",
    "$Forwarded": "P",
    "\\Answered": "R",
    "\\Seen": "S",
    "\\Deleted": "T",
}  # in the order in which they stand
_FLAGS = {mark: flag for flag, mark in _MARKS.items()}
_INFO = re.compile(r"^(.+?)[:;!]2,([A-Za-z]*)$", re.DOTALL)  # ":" where the file system has it
_CRLF_SIZE = re.compile(r",W=(\d{1,18})(?=,|$)")


@dataclass(frozen=True, kw_only=True)
class Name:
    """Of a letter's file: ``unique`` never changes, ``marks`` are flags."""

    unique: str
    marks: str = ""

    def __str__(self) -> str:
        return f"{self.unique}:2,{self.marks}"


def parse(name: str) -> Name:
    m = _INFO.match(name)
    return Name(unique=m[1], marks=m[2]) if m else Name(unique=name)


# ── flags ──


def flags(marks: str, keywords: Mapping[int, str]) -> frozenset[str]:
    """``keywords`` by number, 0 is "a"; a letter that names none is left out."""
    known = {_FLAGS[mark] for mark in marks if mark in _FLAGS}
    numbers = (ord(mark) - ord("a") for mark in marks if mark.islower())
    return frozenset(known | {keywords[n] for n in numbers if n in keywords})


def marks(flags_: frozenset[str], keywords: Sequence[str]) -> str:
    """``keywords`` are the folder's, in order; one that is not among them is left out."""
    system = "".join(mark for flag, mark in _MARKS.items() if flag in flags_)
    return system + "".join(chr(ord("a") + n) for n, name in enumerate(keywords[:KEYWORDS]) if name in flags_)


def has_mark(flag: str) -> bool:
    """True for a flag that needs no keyword."""
    return flag in _MARKS


def parse_keywords(text: str) -> dict[int, str]:
    """Lines of a number and a name; others are left out."""
    pairs = (line.partition(" ") for line in text.splitlines())
    return {int(number): name for number, _, name in pairs if number.isascii() and number.isdigit() and name}


def render_keywords(keywords: Sequence[str]) -> str:
    return "".join(f"{n} {name}\n" for n, name in enumerate(keywords[:KEYWORDS]))


# ── folders ──


def folder(mailbox: str) -> str:
    """The folder of a mailbox; "" for INBOX, the root. Raises Invalid for a name too long for a file's."""
    if mailbox == "INBOX":
        return ""
    levels = (utf7.encode(level).replace(".", utf7.shifted(".")) for level in mailbox.split("/"))
    name = "." + ".".join(levels)
    if len(name) > NAME_LIMIT:
        raise Invalid(
            f"the name is too long for a Maildir folder: {len(name)} octets, the most is {NAME_LIMIT}"
        )
    return name


def mailbox(folder_: str) -> str:
    """The mailbox of a folder's name, ``.A.B``; of one that is not in modified UTF-7, the name as it stands."""
    levels = folder_.removeprefix(".").split(".")
    return "/".join(_decoded(level) for level in levels)


def _decoded(level: str) -> str:
    try:
        return utf7.decode(level)
    except ValueError:
        return level


# ── octets ──


def stored(raw: bytes) -> tuple[bytes, str]:
    """What the file holds, and what is put behind the unique part of its name."""
    data = raw.replace(b"\r\n", b"\n") if tidy(raw) else raw
    return data, f",S={len(data)},W={len(raw)}"


def restored(data: bytes, unique: str) -> bytes:
    m = _CRLF_SIZE.search(unique)
    return data if m and int(m[1]) == len(data) else with_crlf(data)
