"""Patterns of LIST: against a slow and obvious matcher, and in bounded time."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.imap.patterns import WILDCARDS, matcher
from services.gateway.imap.replies import No

NAMES = st.text("ab/", max_size=8)


@given(st.text("ab/*%", max_size=6), NAMES)
def test_as_a_regular_expression_would_have_it(pattern, name):
    """RFC 9051 6.3.9: "*" is anything, "%" anything but the separator."""
    expression = "".join({"*": ".*", "%": "[^/]*"}.get(c, re.escape(c)) for c in pattern)
    assert matcher(pattern)(name) == bool(re.fullmatch(expression, name))


@pytest.mark.parametrize("pattern", ["inbox", "InBox", "in%", "*BOX", "INBOX"])
def test_inbox_in_any_case(pattern):
    """RFC 9051 5.1."""
    assert matcher(pattern)("INBOX")


def test_other_names_have_their_case():
    """Also what only begins like INBOX; a level below INBOX is found however INBOX is written."""
    assert not matcher("sent")("Sent")
    assert not matcher("inboxes")("Inboxes")
    assert matcher("inbox/%")("INBOX/a")
    assert not matcher("inbox/A")("INBOX/a")


def test_a_pattern_that_is_meant_to_hurt():
    """CASES H6: as many wildcards as there may be, on the longest name: milliseconds; one more is NO [LIMIT]."""
    began = time.perf_counter()
    assert not matcher("%a" * WILDCARDS + "b")("a" * 1000)
    assert not matcher("*a" * WILDCARDS + "b")("a" * 1000)
    assert time.perf_counter() - began < 0.5
    with pytest.raises(No) as refused:
        matcher("*a" * (WILDCARDS + 1))
    assert refused.value.code == "LIMIT"
