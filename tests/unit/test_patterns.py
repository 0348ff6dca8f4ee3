r"""No pattern of ours trips over what Python 3.11.2, Debian 12's, does with possessive groups (CPython issue 106052).

When a possessive group gives up half-way, behind a repeat or a look-around inside it, that Python goes on from where it
gave up and not from where the group's last whole turn ended: ``a(?:\.b++)*+`` takes the dot of ``a.`` along. Single
characters may be repeated possessively, and so may groups that cannot fail once a repeat in them has begun.
"""

from __future__ import annotations

import importlib
import re
import re._constants as op
import re._parser as sre
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
LOOKS = {op.ASSERT, op.ASSERT_NOT}


def modules():
    """Those that compile patterns."""
    files = [file for top in ("yubin", "services") for file in (ROOT / top).rglob("*.py")]
    for file in sorted(files):
        if "re.compile" in file.read_text("utf-8"):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts)


def trees(items):
    """A parsed pattern and all that are inside it."""
    yield items
    for _, argument in items:
        for inner in _inner(argument):
            yield from trees(inner)


def _inner(argument):
    if isinstance(argument, sre.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for one in argument:
            yield from _inner(one)


def _wanders(item):
    """Holds a repeat or a look-around."""
    kind, argument = item
    if kind in REPEATS or kind in LOOKS:
        return True
    return any(_wanders(one) for inner in _inner(argument) for one in inner)


def _may_fail(item):
    kind, argument = item
    return not (kind in REPEATS and argument[0] == 0)


def half_way(items):
    """True when a turn of the group can fail behind octets that a repeat or a look-around has gone over."""
    for place, item in enumerate(items):
        kind, argument = item
        if kind in {op.SUBPATTERN, op.BRANCH, op.ATOMIC_GROUP} and any(map(half_way, _inner(argument))):
            return True
        if _wanders(item) and (any(map(_may_fail, items[place + 1 :])) or (place and _may_fail(item))):
            return True
        if kind in LOOKS and any(_wanders(one) for one in argument[1]):
            return True
    return False


def trips(pattern: str | bytes, flags: int = 0) -> bool:
    groups = (
        argument[2]
        for tree in trees(sre.parse(pattern, flags))
        for kind, argument in tree
        if kind is op.POSSESSIVE_REPEAT
    )
    return any(half_way(list(group)) for group in groups)


@pytest.mark.parametrize(
    "bad",
    [
        r"a(?:\.b++)*+",
        r"(?:\*(\d{1,9}))?+",
        r"<!--(?:[^-]|-(?!->))*+",
        r"(?:(?!\n|[a-z]++:)[^\n]*+\n)++",
        r"(?:x[ab]{2})++",
    ],
)
def test_patterns_that_were_read_wrong_are_known(bad):
    """Each of these gave a wrong end somewhere in the house."""
    assert trips(bad)


@pytest.mark.parametrize(
    "good", [r"[a-z]++:", r'"(?:[^"\\]|\\.)*+"', r"(?:\n[ \t][^\n]*+)*+", r"a(?:\.b++)*"]
)
def test_patterns_that_cannot_fail_half_way_are_allowed(good):
    """A fold of a header field, a quoted string; groups that give back are none of this test's."""
    assert not trips(good)


@pytest.mark.parametrize("module", list(modules()))
def test_no_pattern_of_ours_trips(module):
    """Every pattern that a module keeps."""
    patterns = {
        name: value
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, re.Pattern)
    }
    assert [name for name, one in patterns.items() if trips(one.pattern, one.flags & ~re.UNICODE)] == []
