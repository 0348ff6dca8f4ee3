"""docs/cases.md from the tests: the paths of each case that a docstring names, and the sum. Notes are people's and stay.

`make docs` runs it. A row that was not tested and is named now becomes `test`, and loses the note that said why not.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.test_cases_table import ROOT, ROW, named

PAGE = ROOT / "docs" / "cases.md"
NOTE = " – "
STATES = ("test", "long run", "feature absent")


def page(text: str, tests: dict[str, set[str]]) -> str:
    """``text`` with fresh paths; ``tests``: case → the files that name it."""
    states: list[str] = []

    def fresh(found: re.Match[str]) -> str:
        case, wording, state, where = found.groups()
        paths = sorted(tests.get(case, ()))
        if paths:
            note = where.partition(NOTE)[2] if state == "test" else ""
            state, where = "test", " ".join(f"`{path}`" for path in paths) + (f"{NOTE}{note}" if note else "")
        states.append(state)
        return f"| {case} | {wording} | {state} | {where} |"

    whole = ROW.sub(fresh, text)
    counted = ", ".join(f"{states.count(state)} {state}" for state in STATES)
    return re.sub(r"\n\d+ cases: [^\n]*\n\Z", f"\n{len(states)} cases: {counted}.\n", whole)


def main(path: Path = PAGE) -> None:
    path.write_text(page(path.read_text("utf-8"), named()), "utf-8")


if __name__ == "__main__":
    main()
