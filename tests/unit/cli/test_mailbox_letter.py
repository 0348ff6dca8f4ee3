"""A letter for a person's eyes: decoded, the plain text of alternatives, attachments by name, nothing raw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.odd_letters import load, names
from yubin.cli.mailbox_letter import readable
from yubin.cli.mailbox_progress import EVERY, Lines

MIXED = b"""From: =?utf-8?b?5aSq6YOO?= <taro@a.test>\r
Subject: =?iso-2022-jp?b?GyRCN29MPhsoQg==?=\r
Date: Sat, 21 Nov 2026 21:36:21 +0900\r
Content-Type: multipart/mixed; boundary=x\r
\r
--x\r
Content-Type: multipart/alternative; boundary=y\r
\r
--y\r
Content-Type: text/html\r
\r
<p>markup</p>\r
--y\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: base64\r
\r
44GT44KT44Gr44Gh44GvG1szMW0=\r
--y--\r
--x\r
Content-Type: application/pdf; name="bill.pdf"\r
Content-Disposition: attachment\r
\r
12345\r
--x--\r
"""


def test_a_letter_with_everything():
    assert list(readable(MIXED)) == [
        "From: 太郎 <taro@a.test>",
        "Date: Sat, 21 Nov 2026 21:36:21 +0900",
        "Subject: 件名",
        "",
        "こんにちは\\x1b[31m",
        "",
        "[bill.pdf application/pdf 5 B]",
    ]


@pytest.mark.parametrize("name", names())
def test_odd_letters_are_shown(name):
    """Every one gives printable lines."""
    assert all(line.isprintable() or "\u3000" in line for line in readable(load(name).raw))


@given(raw=st.binary(max_size=300))
def test_anything_is_shown(raw):
    """No octets at all make it fail, or reach the terminal as they are."""
    assert all(line.replace("\u3000", "").isprintable() for line in readable(raw))


def test_progress_without_a_terminal(capsys):
    """A line now and then on standard error, with letters and octets; names are escaped."""
    now = [0.0]
    lines = Lines(clock=lambda: now[0])
    lines.begin("a\x1bb", 2048)
    for _ in range(3):
        lines.letter()
        lines.octets(512)
        now[0] += EVERY / 2
    assert capsys.readouterr().err == "a\\x1bb: 3 letters, 1.5 KiB of 2 KiB\n"
