"""What reaches a terminal: escaped, in local time, nothing cut in a pipe."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.cli import output


@given(st.text(max_size=200))
def test_nothing_unprintable_gets_out(text):
    """CASES L9: no control character, no line end, no direction override survives; printable text does."""
    shown = output.escaped(text)
    assert all(c.isprintable() or c == "\u3000" for c in shown)
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\x07", "\\x07"),
        ("\u202e", "\\u202e"),
        ("山田　太郎", "山田　太郎"),
        ("\x9b", "\\x9b"),
    ],
)
def test_escapes_are_shown_as_codes(text, shown):
    """CASES L9."""
    assert output.escaped(text) == shown


def test_json_is_ascii(capsys):
    """CASES L9: in JSON, too, nothing reaches the terminal raw."""
    output.as_json({"text": "\x1b[31m\u202e山\x9b"})
    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {"text": "\x1b[31m\u202e山\x9b"}


def test_a_table_in_a_pipe_is_not_cut(capsys):
    """Long cells stay whole; columns that are always empty are left out; markup is only text."""
    output.table(("A", "B", "C"), [("x" * 300, "", "[bold]m[/bold]"), ("y", "", "")])
    text = capsys.readouterr().out
    assert "x" * 300 in text
    assert "[bold]m[/bold]" in text
    assert "B" not in text.split("\n")[0]


@pytest.mark.parametrize(
    ("seconds", "end"),
    [(-5, "now"), (0, "now"), (30, "in 30 s"), (300, "in 5 min"), (7300, "in 2 h"), (200_000, "in 2 d")],
)
def test_how_long_until(seconds, end):
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert output.until((now + timedelta(seconds=seconds)).isoformat(), now).endswith(end)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KiB"),
        (12_345, "12.1 KiB"),
        (10 * 2**20, "10 MiB"),
        (5 * 2**30, "5 GiB"),
        (2**50, "1048576 GiB"),
    ],
)
def test_sizes(octets, text):
    assert output.size(octets) == text


def test_replies_are_one_line():
    assert output.reply(550, "5.1.1", "no\r\nsuch") == "550 5.1.1 no\\x0d\\x0asuch"
    assert not output.reply(0, "", "")
