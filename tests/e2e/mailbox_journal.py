"""What the clients of the mailbox chaos said and heard: one JSON line for each thing said, in the order of each client.

``heard`` is False when the answer never came: the thing was done as a whole, or not at all, and who reads the journal has
to allow for both. A client writes the line before it says anything else, so that nothing later depends on what is not
written. Times are of CLOCK_MONOTONIC, which all processes of the machine share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO


@dataclass(frozen=True, kw_only=True)
class Line:
    """``asked`` are UIDs of ``source`` with their letters. ``answer``, where it was heard, by ``kind``:

    deliver, append, again    [mailbox, uid]; ``letter``, ``digest`` and ``size`` say what was brought
    copy, move                [[source uid, target uid], …]
    store                     [[uid, [flag, …]], …]
    expunge                   [uid, …]
    look                      [[mailbox, uid, letter, [flag, …]], …]: all of this client's in ``source`` and ``target``

    ``commons``: letters that every client may move and expunge; all others are touched by their owner only.
    ``repeated``: it had arrived although its first answer was lost.
    """

    client: int
    kind: str
    began: float
    ended: float = 0.0
    heard: bool = True
    commons: bool = False
    source: int = 0
    target: int = 0
    asked: tuple[tuple[int, str], ...] = ()
    how: str = ""
    flags: tuple[str, ...] = ()
    only_deleted: bool = False
    answer: Any = ()
    modseq: int = 0
    letter: str = ""
    digest: str = ""
    size: int = 0
    tries: int = 1
    repeated: bool = False


def gone(line: Line) -> list[int]:
    """UIDs of its source that the answer says it took away."""
    if line.kind == "move":
        return [source for source, _ in line.answer]
    return [*line.answer] if line.kind == "expunge" else []


class Journal:
    """Of one client, made by ``journal``."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: Line) -> None:
        self._file.write(json.dumps(asdict(line)) + "\n")


@contextmanager
def journal(folder: Path, client: int) -> Iterator[Journal]:
    with (folder / f"journal-{client}").open("w", buffering=1) as file:
        yield Journal(file)


def read(folder: Path) -> list[list[Line]]:
    """Of every client, each in its own order."""
    return [_lines(path.read_text().splitlines()) for path in sorted(folder.glob("journal-*"))]


def _lines(texts: Iterable[str]) -> list[Line]:
    found = []
    for text in texts:
        values = json.loads(text)
        values["asked"] = tuple((uid, letter) for uid, letter in values["asked"])
        found.append(Line(**{**values, "flags": tuple(values["flags"])}))
    return found
