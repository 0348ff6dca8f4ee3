"""Letters and headers that others wrote, run through our code: `make vectors DIR=folder`. No part of `make test`.

The folder holds ``headers/*.json`` (values, and what another parser makes of them) and ``japanese/`` and ``mime/`` with
whole letters. Differences that are wanted are listed with their reason and count apart; anything else fails, and so
does a reason that nothing needs any more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conformance import headers, letters

HEADER_FILES = ("address", "content_type", "date", "id", "list", "received", "unstructured")


@dataclass
class Tally:
    """One kind of judgement over all that it was made of."""

    kind: str
    passed: int = 0
    wanted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def count(self, name: str, verdict: str, reasons: Mapping[str, str]) -> None:
        reason = next((start for start in reasons if name.startswith(start)), None)
        if not verdict:
            self.passed += 1
        elif reason is None:
            self.failed.append(f"{name!r}: {verdict}")
        else:
            self.used.add(reason)
            self.wanted.append(f"{name[:60]!r}: {reasons[reason]}")

    def close(self, reasons: Mapping[str, str]) -> None:
        """A reason for something that does not happen is a mistake of this table."""
        self.failed += [
            f"{start!r} is excused and does not occur" for start in reasons if start not in self.used
        ]

    def show(self) -> None:
        total = self.passed + len(self.wanted) + len(self.failed)
        print(f"{self.kind:<24} {self.passed}/{total}")
        for line in self.wanted:
            print(f"    on purpose  {line}")
        for line in self.failed:
            print(f"    FAILED      {line}")


def of_headers(folder: Path) -> Iterator[Tally]:
    rows = {name: _rows(folder / f"{name}.json") for name in HEADER_FILES}
    everything = Tally("headers: scanned")
    for value, expected in (row for name in HEADER_FILES for row in rows[name]):
        everything.count(value.strip(), _judged(headers.scanned, value, expected), {})
    yield everything
    for name, judge in headers.KINDS.items():
        tally, reasons = Tally(f"headers: {name}"), headers.DELIBERATE.get(name, {})
        for value, expected in rows[name]:
            tally.count(value.strip(), _judged(judge, value, expected), reasons)
        tally.close(reasons)
        yield tally


def _rows(file: Path) -> list[tuple[str, Any]]:
    return [(row["header"], row["expected"]) for row in json.loads(file.read_text("utf-8"))]


def of_letters(folder: Path) -> Iterator[Tally]:
    found = [one for name in ("japanese", "mime") for one in letters.letters(folder / name)]
    for name, judge in letters.KINDS.items():
        tally, reasons = Tally(f"letters: {name}"), letters.DELIBERATE.get(name, {})
        for file, octets in found:
            tally.count(file, _judged(judge, letters.as_sent(octets)), reasons)
        tally.close(reasons)
        yield tally


def _judged(judge: Any, *given: Any) -> str:
    """An exception is a verdict too: nothing that a stranger sends may cause one."""
    try:
        verdict: str = judge(*given)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return verdict


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (folder / "headers").is_dir():
        parser.error(f"{folder} has no folder headers/, japanese/, mime/")
    tallies = [*of_headers(folder / "headers"), *of_letters(folder)]
    for tally in tallies:
        tally.show()
    failed = sum(len(tally.failed) for tally in tallies)
    print(f"{sum(len(tally.wanted) for tally in tallies)} differ on purpose, as listed above")
    print(f"{sum(tally.passed for tally in tallies)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
