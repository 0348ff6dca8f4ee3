from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from yubin.runtime import logs


@pytest.fixture
def lines():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.BytesIO()
    logs.setup("tester", "tester-1", "info", stream=stream)

    def read():
        return [line for line in stream.getvalue().decode().splitlines() if line]

    yield read
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = before


def test_a_line_is_json_with_its_action(lines):
    """One sentence, an action, the pod."""
    structlog.get_logger().info("A letter was accepted.", action="accept", message="01M8")
    (line,) = lines()
    entry = json.loads(line)
    assert (entry["event"], entry["action"], entry["pod"]) == ("A letter was accepted.", "accept", "tester")


def test_what_strangers_say_stays_one_bounded_line(lines):
    """CASES L9: CR, LF, ANSI and 1 MB in a field make one escaped line of at most 8 KB."""
    nasty = "\r\n\x1b[31mred\x00\x9b2J" + "郵" * 1_000_000
    structlog.get_logger().info("HELO was odd.", action="helo", helo=nasty, other=nasty, third=nasty)
    (line,) = lines()
    assert json.loads(line)["cut"]
    assert len(line.encode()) <= 8192
    assert not set(line) & {"\x1b", "\x9b", "\r", "\x00"}


def test_secrets_are_masked_by_name(lines):
    """CASES L8: a password that reaches a log call is not written."""
    structlog.get_logger().info("Oops.", action="auth", password="hunter2", token="hunter2", body="hunter2")
    (line,) = lines()
    assert "hunter2" not in line


def test_libraries_log_in_our_form(lines):
    """A warning of the standard module becomes a JSON line."""
    logging.getLogger("some.library").warning("careful: %s", "x")
    (line,) = lines()
    assert json.loads(line)["logger"] == "some.library"


def test_an_exception_is_bounded(lines):
    """A deep traceback is cut, not dropped."""
    try:
        raise ValueError("y" * 100_000)
    except ValueError:
        structlog.get_logger().exception("It failed.", action="x")
    (line,) = lines()
    assert len(line) <= 8192
