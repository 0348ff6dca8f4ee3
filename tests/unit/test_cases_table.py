"""docs/cases.md and the tests say the same: which case is tested where, and which is not and why."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-M]\d+) \| (.+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(
    r"\bCASES\s+((?:[A-M]\d+(?:'s neighbour)?(?:,\s*|\s+and\s+|\s+)?)+)"
)  # "CASES A1, B1 and B5"
CASE = re.compile(r"[A-M]\d+(?!\d*'s)")
PATH = re.compile(r"`(tests/\S+\.py)`")
STATES = {"test", "long run", "feature absent"}


class Row(NamedTuple):
    case: str
    wording: str
    state: str
    where: str


def rows() -> list[Row]:
    return [Row(*found) for found in ROW.findall((ROOT / "docs" / "cases.md").read_text("utf-8"))]


def named() -> dict[str, set[str]]:
    """Case → the test files whose docstrings name it."""
    found: dict[str, set[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for case in _cases(ast.parse(file.read_text("utf-8"))):
            found.setdefault(case, set()).add(str(file.relative_to(ROOT)))
    return found


def _cases(tree: ast.Module) -> set[str]:
    speaking = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, speaking)]
    return {case for text in texts for said in NAMED.findall(text) for case in CASE.findall(said)}


def test_every_case_has_one_row_and_one_of_three_states():
    """127 cases, none twice, and each is tested, run by hand, or about something that is not there."""
    table = rows()
    assert len({row.case for row in table}) == len(table) == 127
    assert {row.state for row in table} <= STATES


def test_each_path_of_a_tested_case_names_it():
    """A row that says `test` leads to files that exist and say so themselves; what follows the dash is a note."""
    said = named()
    for row in rows():
        if row.state == "test":
            paths = PATH.findall(row.where.partition(" – ")[0])
            assert paths, f"{row.case}: where?"
            assert set(paths) <= said.get(row.case, set()), f"{row.case} is not named by all of {paths}"
        for path in PATH.findall(row.where):
            assert (ROOT / path).is_file(), f"{row.case}: {path} is not there"


def test_each_case_that_a_test_names_is_tested():
    """Who claims a case in a docstring also says so in the table."""
    table = {row.case: row.state for row in rows()}
    wrong = {case: paths for case, paths in named().items() if table[case] != "test"}
    assert not wrong, f"docs/cases.md does not know of {wrong}"


def test_the_sum_is_right():
    """The last line counts the rows."""
    states = [row.state for row in rows()]
    counted = ", ".join(f"{states.count(state)} {state}" for state in ("test", "long run", "feature absent"))
    assert (ROOT / "docs" / "cases.md").read_text("utf-8").endswith(f"\n127 cases: {counted}.\n")
