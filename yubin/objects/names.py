"""Names of objects: opaque, and never a way out of the folder or bucket."""

from __future__ import annotations

import re

from yubin.errors import Invalid

_NAME = re.compile(r"[a-z0-9_-]{1,128}(?:/[a-z0-9_-]{1,128}){0,7}")


def checked(name: str) -> str:
    """The name itself; raises Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid("not the name of an object")
    return name
