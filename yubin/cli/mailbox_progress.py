"""How far a long work is: a bar with octets, letters and the time that is left, or lines where nobody watches.

Everything goes to standard error, so that the output stays what a program may read.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from yubin.cli.output import escaped, size

EVERY = 10.0  # seconds between two lines


class Progress(Protocol):
    def begin(self, name: str, octets: int) -> None:
        """The next part of the work."""

    def octets(self, count: int) -> None: ...

    def letter(self, count: int = 1) -> None: ...

    def say(self, line: str) -> None:
        """A line that stays."""


class Lines:
    """``clock`` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._said = clock, clock()
        self._name, self._all, self._done, self._letters = "", 0, 0, 0

    def begin(self, name: str, octets: int) -> None:
        self._name, self._all, self._done, self._letters = name, octets, 0, 0
        self._said = self._clock()

    def octets(self, count: int) -> None:
        self._done += count
        if self._clock() - self._said >= EVERY:
            self._said = self._clock()
            self.say(
                f"{escaped(self._name)}: {self._letters} letters, {size(self._done)} of {size(self._all)}"
            )

    def letter(self, count: int = 1) -> None:
        self._letters += count

    def say(self, line: str) -> None:
        click.echo(line, err=True)


class Bar:
    """rich's, over all that is known so far."""

    def __init__(self) -> None:
        from rich import progress  # late: `yubin --help` must not pay for it
        from rich.console import Console

        self.shown = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TextColumn("{task.fields[letters]} letters"),
            progress.TimeRemainingColumn(),
            console=Console(file=sys.stderr, highlight=False),
        )
        self._task: progress.TaskID | None = None
        self._letters = 0

    def begin(self, name: str, octets: int) -> None:
        self.end()
        self._letters = 0
        self._task = self.shown.add_task(escaped(name), total=octets, letters=0)

    def end(self) -> None:
        """Octets in files and in mailboxes differ a little: what is done is done."""
        if self._task is not None:
            self.shown.update(self._task, completed=self.shown.tasks[-1].total)

    def octets(self, count: int) -> None:
        if self._task is not None:
            self.shown.advance(self._task, count)

    def letter(self, count: int = 1) -> None:
        self._letters += count
        if self._task is not None:
            self.shown.update(self._task, letters=self._letters)

    def say(self, line: str) -> None:
        self.shown.console.print(line, markup=False, soft_wrap=True)


@contextmanager
def progress() -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield Lines()
        return
    bar = Bar()
    with bar.shown:
        yield bar
        bar.end()
