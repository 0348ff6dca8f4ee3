"""Base subjects (RFC 5256 2.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.mail.subject import base


@pytest.mark.parametrize(
    ("subject", "text", "reply"),
    [
        ("Hello", "Hello", False),
        ("  Hello \t world ", "Hello world", False),
        ("Re: Hello", "Hello", True),
        ("RE:re: Fwd:FW: Hello", "Hello", True),
        ("Re : Hello", "Hello", True),
        ("Re[2]: Hello", "Hello", True),
        ("[list] Re: [list] Hello", "Hello", True),
        ("[list] Hello", "Hello", False),
        ("[list] [two] Hello", "Hello", False),
        ("[list]", "[list]", False),
        ("[a] [b]", "[b]", False),
        ("Re: [list]", "[list]", True),
        ("Hello (fwd) (FWD)", "Hello", True),
        ("[fwd: Hello]", "Hello", True),
        ("[fwd: Re: [x] Hello (fwd)]", "Hello", True),
        ("Re: 返信: 件名", "返信: 件名", True),
        ("Reminder: x", "Reminder: x", False),
        ("[open Re: x", "[open Re: x", False),
        ("", "", False),
        ("Re:", "", True),
        ("(fwd)", "", True),
    ],
)
def test_bases(subject, text, reply):
    """Leaders, trailers, blobs and wrappings, as often as they come; a blob that is all there is stays."""
    assert base(subject) == (text, reply)


@given(st.text("[]re: fwd(x)", max_size=60))
def test_a_base_is_its_own_base(subject):
    """Taken twice it is the same."""
    text = base(subject).text
    assert base(text).text == text


@pytest.mark.parametrize("piece", ["[", "[a]", "re:", "(fwd)", "[fwd:", "re[", "[]", " "])
def test_odd_subjects_cost_little(piece):
    """A subject of 64 KiB is cut, and none is quadratic."""
    assert within(0.05, lambda: base(piece * (65_536 // len(piece))))
