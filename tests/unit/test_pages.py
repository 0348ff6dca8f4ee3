"""The pages for operators are what the code says: settings, metrics, and every name that docs/operating.md uses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from scripts import settings
from yubin.cli.main import main
from yubin.up.config import POD_NAMES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OPERATING = (DOCS / "operating.md").read_text("utf-8")


def in_a_process(code: str) -> str:
    """What it prints; the metrics of this process are also those of other tests."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_the_page_of_settings_is_fresh():
    """A setting that was added, changed or removed stands in docs/settings.md."""
    assert settings.PAGE.read_text("utf-8") == settings.page(), "docs/settings.md is stale: make docs"


def test_every_variable_of_every_pod_is_explained():
    """No row without a meaning, and every pod has its section."""
    text = settings.page()
    for name in (*POD_NAMES, "Every pod"):
        assert f"\n## {name}\n" in text
    rows = re.findall(r"^\| \**`(?:YUBIN_)?\w+`\** \|(.*)\|$", text, re.MULTILINE)
    assert len(rows) > 80
    assert [row for row in rows if not row.rpartition("|")[2].strip()] == []


def test_the_page_of_metrics_is_fresh():
    """A metric that was added, changed or removed stands in docs/metrics.md."""
    wanted = in_a_process("from scripts.metrics import page; print(page(), end='')")
    assert (DOCS / "metrics.md").read_text("utf-8") == wanted, "docs/metrics.md is stale: make docs"


def test_an_operator_reads_of_metrics_that_exist():
    """Each metric that docs/operating.md names is one that a pod shows."""
    known = set(in_a_process("from scripts.metrics import names; print(*names())").split())
    assert set(re.findall(r"\byubin_[a-z_]+", OPERATING)) <= known


def test_an_operator_reads_of_settings_that_exist():
    """Each variable that docs/operating.md names is a setting."""
    known = set(re.findall(r"YUBIN_[A-Z0-9_]+", settings.page()))
    assert set(re.findall(r"YUBIN_[A-Z0-9_]+", OPERATING)) <= known


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"^ {4}yubin (.*?) *(?:#.*)?$", OPERATING, re.MULTILINE)))
)
def test_an_operator_reads_of_commands_that_exist(line):
    """Each command that docs/operating.md shows is one, with these options."""
    command: click.Command | None = main
    for word in line.split():
        if isinstance(command, click.Group) and not word.startswith("-"):
            command = command.get_command(click.Context(command), word)
            assert command, word
    options = {name for parameter in command.params for name in parameter.opts + parameter.secondary_opts}
    assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= options | {"--version", "--help"}


def test_the_alerts_are_rules_that_prometheus_reads(tmp_path):
    """The block of alerts in docs/operating.md is a rule file."""
    (rules,) = re.findall(r"^```yaml\n(groups:.*?)^```", OPERATING, re.MULTILINE | re.DOTALL)
    (tmp_path / "rules.yml").write_text(rules, "utf-8")
    checked = subprocess.run(
        ["promtool", "check", "rules", "rules.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_crash_point_is_listed():
    """docs/testing.md names the crash points that the code has, and no others."""
    sources = (file for folder in ("yubin", "services") for file in (ROOT / folder).rglob("*.py"))
    there = {
        name
        for file in sources
        for name in re.findall(r'faults\.point\("([^"]+)"\)', file.read_text("utf-8"))
    }
    section = (DOCS / "testing.md").read_text("utf-8").partition("## Crash points")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_.0-9]+)` \|", section, re.MULTILINE)) == there
