"""Mailboxes as files: an mbox file each, or a Maildir++ tree, readable by their owner alone.

An mbox file appears under its name when it is whole. A letter's name in a Maildir is made of its octets and its date, so
that a second export into the same folder adds only what has come since.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from yubin.cli.client import Refused
from yubin.cli.mailbox_progress import Progress
from yubin.cli.output import escaped
from yubin.mail import maildir, mbox
from yubin.mail.maildir import KEYWORDS, KEYWORDS_FILE, Name, has_mark

LIMIT = 1024 * 1024 * 1024  # octets of a letter; the server has less
_SAFE = " !#$&'()+,-.;=@[]^_`{}~"


def file_of(folder: Path, mailbox: str) -> Path:
    """``A/B`` becomes ``A/B.mbox``; what no file may be called is percent-encoded. Raises Refused for a name too long."""
    levels = [_quoted(level) for level in mailbox.split("/")]
    if any(len(os.fsencode(level)) > 240 for level in levels):
        raise Refused(f"{escaped(mailbox)} is too long for a file's name: export it alone, with --mailbox")
    return folder.joinpath(*levels[:-1], levels[-1] + ".mbox")


def _quoted(level: str) -> str:
    kept = "".join(c for c in level if not c.isascii() and c.isprintable())
    text = quote(level, safe=_SAFE + kept)
    return "%2E" + text[1:] if text.startswith(".") else text


def write_mbox(path: Path, pieces: Iterable[bytes], progress: Progress) -> int:
    """How many letters. Raises Refused; what was there before stays until the new one is whole."""
    part = path.with_name(path.name + ".part")
    count, last = 0, b"\n"
    try:
        _folder(path.parent)
        with _private(part) as file:
            for piece in pieces:
                file.write(piece)
                begun = (last + piece).count(b"\nFrom ")
                count, last = count + begun, (last + piece)[-5:]
                progress.octets(len(piece))
                progress.letter(begun)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as e:
        raise _unwritable(path, e) from e
    finally:
        with suppress(OSError):  # it has its name by now, or was never made
            part.unlink()
    return count


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _folder(path: Path) -> None:
    """With those above it that are not there yet."""
    for folder in (*reversed(path.parents), path):
        folder.mkdir(exist_ok=True, mode=0o700)


def _unwritable(path: Path, error: OSError) -> Refused:
    return Refused(f"{escaped(path)} cannot be written: {error.strerror}")


class MaildirFolder:
    """One folder of a tree; ``top`` is that of INBOX. Raises Refused.

    ``unnamed`` are keywords for which no letter was left: a Maildir has 26.
    """

    def __init__(self, top: Path, mailbox: str) -> None:
        name = maildir.folder(mailbox)
        self.path = top / name if name else top
        self.unnamed: set[str] = set()
        self._copies: Counter[str] = Counter()
        try:
            for part in ("cur", "new", "tmp"):
                _folder(self.path / part)
            if name:
                (self.path / "maildirfolder").touch(mode=0o600)
            self._there = {
                maildir.parse(e.name).unique for part in ("cur", "new") for e in (self.path / part).iterdir()
            }
            self._keywords = self._known()
        except OSError as e:
            raise _unwritable(self.path, e) from e

    def add(self, letter: mbox.Letter) -> bool:
        """False when it is there already."""
        data, sizes = maildir.stored(letter.raw)
        received = letter.received or 0.0
        base = f"{received:.0f}.{sha256(letter.raw).hexdigest()[:24]}"
        self._copies[base] += 1
        unique = f"{base}_{self._copies[base]}.yubin{sizes}"
        if unique in self._there:
            return False
        try:
            self._learn(letter.flags)
            draft = self.path / "tmp" / unique
            with _private(draft) as file:
                file.write(data)
            os.utime(draft, (received, received))
            draft.rename(
                self.path
                / "cur"
                / str(Name(unique=unique, marks=maildir.marks(letter.flags, self._keywords)))
            )
        except OSError as e:
            raise _unwritable(self.path, e) from e
        return True

    def _known(self) -> list[str]:
        file = self.path / KEYWORDS_FILE
        known = maildir.parse_keywords(file.read_text("utf-8", "replace")) if file.exists() else {}
        return [known.get(n, "") for n in range(max(known, default=-1) + 1)]

    def _learn(self, flags: frozenset[str]) -> None:
        """Keywords that the folder has not yet get a letter each, while there are some."""
        new = sorted(flag for flag in flags if not has_mark(flag) and flag not in self._keywords)
        room = max(0, KEYWORDS - len(self._keywords))
        self.unnamed.update(new[room:])
        if new[:room]:
            self._keywords += new[:room]
            with _private(self.path / KEYWORDS_FILE) as file:
                file.write(maildir.render_keywords(self._keywords).encode())


def write_maildir(folder: MaildirFolder, pieces: Iterator[bytes], progress: Progress) -> int:
    """How many letters are new there."""

    def passing() -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            progress.octets(len(piece))

    count = 0
    for letter in mbox.letters(passing(), limit=LIMIT):
        if isinstance(letter, mbox.Letter):
            count += folder.add(letter)
            progress.letter()
    return count
