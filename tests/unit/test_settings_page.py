"""docs/settings.md is what the settings say of themselves."""

from __future__ import annotations

import re

from scripts.settings import PAGE, page
from yubin.up.config import POD_NAMES


def test_the_page_is_fresh():
    """A setting that was added, changed or removed stands in docs/settings.md; `make docs` writes it anew."""
    assert PAGE.read_text("utf-8") == page(), "docs/settings.md is stale: make docs"


def test_every_variable_of_every_pod_is_explained():
    """No row without a meaning, and every pod has its section."""
    text = page()
    for name in (*POD_NAMES, "Every pod"):
        assert f"\n## {name}\n" in text
    rows = re.findall(r"^\| \**`(?:YUBIN_)?\w+`\** \|(.*)\|$", text, re.MULTILINE)
    assert len(rows) > 80
    assert [row for row in rows if not row.rpartition("|")[2].strip()] == []
