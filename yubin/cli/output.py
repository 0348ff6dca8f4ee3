"""What the yubin command shows: tables for people, JSON for programs.

Whatever another server or a stranger wrote is escaped before it reaches a terminal: control characters become codes
with a backslash, and cannot colour, move or overwrite anything. Times are shown in local time. Where the output is no
terminal nothing is cut or wrapped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod

COLOURS = {
    "delivered": "green",
    "relayed": "green",
    "accepted": "green",
    "released": "green",
    "deferred": "yellow",
    "held": "yellow",
    "pending": "yellow",
    "bounced": "red",
    "expired": "red",
    "quarantined": "red",
    "cancelled": "red",
}


def escaped(text: object) -> str:
    """One printable line: CR, LF, ESC and every other character that is not for show become backslash codes."""
    return "".join(c if c.isprintable() or c == "\u3000" else _code(c) for c in str(text))


def _code(character: str) -> str:
    n = ord(character)
    return f"\\x{n:02x}" if n < 0x100 else f"\\u{n:04x}" if n < 0x10000 else f"\\U{n:08x}"


def examples(*lines: str) -> str:
    """For the end of a --help page, as they stand."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


as_json_option = click.option("--json", "as_json_", is_flag=True, help="JSON, for scripts.")


def as_json(value: Any) -> None:
    """Escapes inside strings are JSON's own, so that nothing reaches the terminal raw."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def say(text: str = "") -> None:
    """A sentence; the caller has escaped what is not its own."""
    click.echo(text)


def local(moment: str | None) -> datetime | None:
    return datetime.fromisoformat(moment).astimezone() if moment else None


def clock(moment: str | None) -> str:
    """``2026-11-21 21:36:21``, in local time."""
    at = local(moment)
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def brief(moment: str | None, day: str | None) -> str:
    """The time alone where it is on the same local day as ``day``."""
    at, other = local(moment), local(day)
    return f"{at:%H:%M:%S}" if at and other and at.date() == other.date() else clock(moment)


def zone() -> str:
    return datetime.now(UTC).astimezone().tzname() or "local time"


def until(moment: str | None, now: datetime | None = None) -> str:
    """``2026-11-21 21:41:21, in 5 min``."""
    at = local(moment)
    if at is None:
        return ""
    seconds = (at - (now or datetime.now(UTC))).total_seconds()
    if seconds <= 1:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{at:%Y-%m-%d %H:%M:%S}, in {seconds / size:.0f} {unit}"
    return ""


def soon(moment: str | None, now: datetime | None = None) -> str:
    """``in 5 min``."""
    return until(moment, now).rpartition(", ")[2]


def size(octets: int) -> str:
    """``12.1 KiB``; powers of 1024, as sizes are typed."""
    power = next((p for p in (0, 1, 2) if octets / 1024**p < 1000), 3)
    number = f"{octets / 1024**power:.1f}".removesuffix(".0")
    return f"{number} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def letters(count: int) -> str:
    """``1 letter``, ``2 letters``."""
    return f"{count} letter{'s' * (count != 1)}"


def reply(code: int, enhanced: str, text: str) -> str:
    """``550 5.1.1 No such user``."""
    return " ".join(part for part in (str(code) if code else "", enhanced, escaped(text)) if part)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    stated: str = "",
    long: Sequence[str] = (),
    cut: str = "",
) -> None:
    """Columns that are empty in every row are left out; ``stated`` is the one that is coloured by what it says.

    Where a terminal is too narrow the ``long`` ones are wrapped, and the one to ``cut`` ends in an ellipsis.
    """
    from rich.table import Table  # late: `yubin --help` must not pay for it
    from rich.text import Text

    shown = [i for i in range(len(columns)) if any(str(row[i]) for row in rows)]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i in shown:
        overflow: OverflowMethod = "ellipsis" if columns[i] == cut else "fold"
        made.add_column(columns[i], overflow=overflow, no_wrap=columns[i] not in long)
    for row in rows:
        cells = [escaped(row[i]) for i in shown]
        styles = [
            COLOURS.get(c.partition(",")[0], "") if columns[i] == stated else ""
            for i, c in zip(shown, cells, strict=True)
        ]
        made.add_row(*(Text(c, style=s) for c, s in zip(cells, styles, strict=True)))
    console = _console()
    with console.capture() as drawn:
        console.print(made)
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()), color=console.is_terminal)


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else 10_000
    return Console(file=sys.stdout, highlight=False, width=width)
