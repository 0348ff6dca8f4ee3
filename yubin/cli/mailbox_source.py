"""Letters in files: what lies at a path, and the letters of it one at a time.

A folder may hold Maildirs (``cur`` beside ``new``), mbox files (``*.mbox``) and single letters (``*.eml``), nested as
they like; each is a source for one mailbox, named by where it lies: ``A/B.mbox``, ``A/B/cur`` and ``.A.B/cur`` are all "A/B", the
folder itself is "". Nothing is changed there. A letter that cannot be read is passed over, and said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from yubin.cli.client import Refused
from yubin.cli.output import escaped
from yubin.errors import Failure, Invalid
from yubin.mail import date, maildir, mbox
from yubin.mail.header import scan

FORMATS = ("auto", "mbox", "mboxo", "maildir", "eml")
LIMIT = 64 * 1024 * 1024  # octets of a letter
CHUNK = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Source:
    """``mailbox`` is the name that it asks for, "" for the top. ``kind`` is one of FORMATS, ``octets`` are about right."""

    mailbox: str
    path: Path
    kind: str
    octets: int


@dataclass(frozen=True, kw_only=True)
class Letter:
    """``received`` in Unix seconds; None: nothing says when. ``where`` is for people."""

    raw: bytes
    received: float | None
    flags: frozenset[str]
    where: str


@dataclass(frozen=True, kw_only=True)
class Skipped:
    where: str
    why: str


# ── what is there ──


def sources(path: Path, kind: str = "auto") -> list[Source]:
    """Those of one kind, or of all. Raises Refused where there is none."""
    try:
        found = list(_tree(path, kind)) if path.is_dir() else [_file(path, "", kind)]
    except OSError as e:
        raise Refused(f"{escaped(path)} cannot be read: {e.strerror}") from e
    if not found:
        raise Refused(
            f"{escaped(path)} holds neither a Maildir (cur and new), nor *.mbox, nor *.eml files"
            + (f" of --format {kind}" if kind != "auto" else "")
        )
    return found


def _tree(top: Path, kind: str) -> Iterator[Source]:
    for folder, below, names in os.walk(top, onerror=_raised):
        here = Path(folder)
        inside = here.relative_to(top)
        if {"cur", "new"} <= set(below):
            below[:] = [name for name in below if name not in {"cur", "new", "tmp"}]
            if kind in {"auto", "maildir"}:
                yield Source(mailbox=_named(inside), path=here, kind="maildir", octets=_weight(here))
        below.sort()
        if kind in {"auto", "mbox", "mboxo"}:
            for name in sorted(names):
                if name.endswith(".mbox") or (name == "mbox" and here.suffix == ".mbox"):
                    place = inside / name if name != "mbox" else inside
                    yield _file(
                        here / name, _named(place.with_suffix("")), "mboxo" if kind == "mboxo" else "mbox"
                    )
        if kind in {"auto", "eml"} and any(name.endswith(".eml") for name in names):
            yield Source(mailbox=_named(inside), path=here, kind="eml", octets=_weight(here, ".eml"))


def _raised(error: OSError) -> None:
    raise error


def _file(path: Path, mailbox: str, kind: str) -> Source:
    if kind == "maildir":
        raise Refused(f"{escaped(path)} is a file, and a Maildir is a folder")
    with path.open("rb") as file:
        octets = os.fstat(file.fileno()).st_size
        if kind == "auto":
            begin = file.read(1000).lstrip(b"\r\n")
            kind = "mbox" if begin.startswith(b"From ") or not begin else "eml"
    return Source(mailbox=mailbox, path=path, kind=kind, octets=octets)


def _named(place: Path) -> str:
    """Maildir++ folders begin with a dot; our own export writes what no file may be called as %2F."""
    levels = (maildir.mailbox(part) if part.startswith(".") else unquote(part) for part in place.parts)
    return "/".join(levels)


def _weight(folder: Path, ending: str = "") -> int:
    folders = [folder] if ending else [folder / "cur", folder / "new"]
    return sum(
        entry.stat().st_size
        for one in folders
        for entry in os.scandir(one)
        if entry.is_file() and entry.name.endswith(ending)
    )


# ── the letters ──


def letters(source: Source, passed: Callable[[int], None], limit: int = LIMIT) -> Iterator[Letter | Skipped]:
    """``passed`` is told octets of the source that are behind us. Raises Refused for what cannot be read at all."""
    read = {"maildir": _maildir, "eml": _single}.get(source.kind, _mbox)
    return read(source, passed, limit)


def _mbox(source: Source, passed: Callable[[int], None], limit: int) -> Iterator[Letter | Skipped]:
    quoting = mbox.Quoting.MBOXO if source.kind == "mboxo" else mbox.Quoting.MBOXRD

    def chunks() -> Iterator[bytes]:
        with source.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
                passed(len(chunk))

    try:
        for found in mbox.letters(chunks(), limit=limit, quoting=quoting):
            where = f"{source.path}, letter {found.number} at octet {found.offset}"
            if isinstance(found, mbox.Broken):
                yield Skipped(where=where, why=found.why)
            elif not found.raw.strip():
                yield Skipped(where=where, why="it is empty")
            else:
                received = found.received if found.received is not None else written(found.raw)
                yield Letter(raw=found.raw, received=received, flags=found.flags, where=where)
    except Invalid as e:
        raise Refused(f"{escaped(source.path)}: {e.text}") from e
    except OSError as e:
        raise Refused(f"{escaped(source.path)} cannot be read: {e.strerror}") from e


def _maildir(source: Source, passed: Callable[[int], None], limit: int) -> Iterator[Letter | Skipped]:
    """In the order of the times in their names, as they came."""
    keywords = _keywords(source.path)
    files = [path for folder in ("cur", "new") for path in (source.path / folder).iterdir()]
    for path in sorted(files, key=lambda file: _order(file.name)):
        if path.name.startswith(".") or path.is_dir():
            continue
        parsed = maildir.parse(path.name)
        flags = maildir.flags(parsed.marks, keywords)
        data = _read(path, limit)
        if isinstance(data, Skipped):
            yield data
        else:
            raw = maildir.restored(data, parsed.unique)
            yield Letter(raw=raw, received=_changed(path), flags=flags, where=str(path))
            passed(len(data))


def _order(name: str) -> tuple[int, str]:
    seconds = name.partition(".")[0]
    return (int(seconds) if seconds.isascii() and seconds.isdigit() else 0, name)


def _keywords(folder: Path) -> dict[int, str]:
    try:
        return maildir.parse_keywords((folder / maildir.KEYWORDS_FILE).read_text("utf-8", "replace"))
    except OSError:
        return {}


def _single(source: Source, passed: Callable[[int], None], limit: int) -> Iterator[Letter | Skipped]:
    """One file, or those of a folder by name. They are dated by what they say: files are copied about."""
    paths = sorted(source.path.glob("*.eml")) if source.path.is_dir() else [source.path]
    for path in paths:
        data = _read(path, limit)
        if isinstance(data, Skipped):
            yield data
        else:
            raw = mbox.with_crlf(data)
            received = written(raw) or _changed(path)
            yield Letter(raw=raw, received=received, flags=frozenset(), where=str(path))
            passed(len(data))


def _changed(path: Path) -> float | None:
    """None for a file that another program has renamed just now."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _read(path: Path, limit: int) -> bytes | Skipped:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as e:
        return Skipped(where=str(path), why=f"it cannot be read: {e.strerror}")
    if len(data) > limit:
        return Skipped(where=str(path), why=f"it is larger than {limit} octets")
    return data if data.strip() else Skipped(where=str(path), why="it is empty")


def written(raw: bytes) -> float | None:
    """The letter's own Date (RFC 5322 3.6.1)."""
    try:
        field = scan(raw).first("date")
    except Failure:
        return None
    return date.parse(field.text.decode("ascii", "replace")) if field else None
