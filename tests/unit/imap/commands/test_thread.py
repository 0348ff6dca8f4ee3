"""THREAD (RFC 5256 3)."""

import pytest

from tests.unit.imap.talk import args, flaw
from yubin.imap.commands import thread
from yubin.imap.commands.keys import Text


@pytest.mark.parametrize("algorithm", ["ORDEREDSUBJECT", "REFERENCES"])
def test_thread(algorithm):
    """Two algorithms."""
    assert args(f'UID THREAD {algorithm.lower()} UTF-8 TEXT "日本"'.encode()) == thread.Args(
        algorithm=algorithm, charset="UTF-8", key=Text(where="TEXT", text="日本"), uid=True
    )


@pytest.mark.parametrize(
    "rest", [b"", b" REFS UTF-8 ALL", b" REFERENCES ALL", b" REFERENCES UTF-8", b" (REFERENCES) UTF-8 ALL"]
)
def test_no_thread(rest):
    """Others are not offered; the charset is always there."""
    assert flaw(b"THREAD" + rest).status in {"BAD", "NO"}
