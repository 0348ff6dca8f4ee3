"""Writes docs/settings.md from the settings themselves: each pod's ``Settings`` class, and the keys of `yubin up --config`.

`make docs` runs it; tests/unit/test_settings_page.py says when the page is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from yubin.runtime.settings import PREFIX, PodSettings
from yubin.up.config import POD_NAMES, keys

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Made by `make docs` from `services/<pod>/config.py`, `yubin/runtime/settings.py` and `yubin/up/config.py`; do not edit.
A pod reads nothing but its environment (and the credentials of an S3 store from `AWS_…`, as other programs do). A wrong or
missing value ends it at start with exit status 2 and a line that names the variable. Bold: has no default and must be set. Durations are seconds, sizes octets, addresses `host:port`.
"""
UP = """
## `yubin up --config FILE`

TOML. `yubin up` derives every variable above from these keys; `[pods.NAME]` tables hold further settings of one pod, in
lower case and without `YUBIN_`. `yubin up --keys` prints the list as a file to start from.
"""
COMMAND = """
## The `yubin` command

Options come first, then these variables, then `cli.toml` in the state folder of `yubin up`.

| variable | meaning |
|---|---|
| `YUBIN_API` | where the api is, `https://host:port` (`--api`) |
| `YUBIN_API_TOKEN_FILE` | file with the token (`--token-file`) |
| `YUBIN_API_TOKEN` | the token itself, where there is no file |
| `YUBIN_API_CA` | certificate authority to trust (`--ca`) |
| `YUBIN_STATE` | state folder in which `cli.toml` is looked for; `./state` |
| `YUBIN_OUTSIDE_STORE` | folder of the pretend world's letters (`yubin outside --store`) |
"""


def page() -> str:
    """The whole page as it should be."""
    return "\n".join([HEAD, *_common(), *(line for name in POD_NAMES for line in _pod(name)), *_up()])


def _common() -> Iterator[str]:
    yield "## Every pod\n"
    yield from _table(PodSettings.model_fields.items())


def _pod(name: str) -> Iterator[str]:
    settings: type[PodSettings] = import_module(f"services.{name}.config").Settings
    own = [
        (key, field) for key, field in settings.model_fields.items() if key not in PodSettings.model_fields
    ]
    yield f"\n## {name}\n"
    yield from _table(own)


def _table(fields: Iterable[tuple[str, FieldInfo]]) -> Iterator[str]:
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for key, field in fields:
        variable = f"`{PREFIX}{key.upper()}`"
        shown = f"**{variable}**" if field.is_required() else variable
        yield f"| {shown} | {_default(field)} | {_cell(field.description or '')}{_range(field)} |"


def _default(field: FieldInfo) -> str:
    """As it would be written in the environment; whole octets in the unit that people think in."""
    value: Any = field.default
    if field.is_required() or value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and value >= 2**20 and value % 2**20 == 0:
        return f"`{value}` ({value >> 20} MiB)"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _range(field: FieldInfo) -> str:
    """What the class itself refuses."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = [
        f"{sign} {getattr(item, name)}"
        for item in field.metadata
        for name, sign in signs.items()
        if getattr(item, name, None) is not None
    ]
    return f" ({', '.join(bounds)})" if bounds else ""


def _up() -> Iterator[str]:
    yield UP
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for name, default, about in keys():
        yield f"| `{name}` | `{default}` | {_cell(about)} |"
    yield COMMAND


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
