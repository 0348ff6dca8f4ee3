"""The state folder: locked, private, and cleaned of what a dead supervisor left."""

import os
import stat
import subprocess
import sys

import pytest

from yubin.errors import Unavailable
from yubin.up.folder import Folder, start_time


def test_one_at_a_time(tmp_path):
    """Whoever has the lock is named to whoever comes second; afterwards it is free."""
    first, second = Folder(tmp_path / "s"), Folder(tmp_path / "s")
    first.open()
    first.write_status({"pid": 4711})
    with pytest.raises(Unavailable, match="4711"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_secrets_are_private_and_kept(tmp_path):
    """Made once, 0600, in a folder that only the owner enters."""
    folder = Folder(tmp_path / "s")
    folder.open()
    token, key = folder.secret("api-token"), folder.key("dkim-seal-key")
    assert len(token) >= 20
    assert folder.secret("api-token") == token
    assert folder.key("dkim-seal-key") == key
    assert folder.secret("another") != token
    for name in ("api-token", "dkim-seal-key"):
        assert stat.S_IMODE((folder.path / "secrets" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.close()


def test_broken_status_is_no_status(tmp_path):
    """A half-written or foreign run.json does not keep the system from starting."""
    folder = Folder(tmp_path)
    for text in ("", "{", "[]", '{"processes": {"a": {"pid": "x"}}}'):
        (tmp_path / "run.json").write_text(text)
        assert folder.end_leftovers() == 0


def test_leftovers_are_ended_and_strangers_with_their_numbers_are_not(tmp_path):
    """A pid that was given to another process since is left in peace: the start time tells."""
    folder = Folder(tmp_path)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours, stranger = subprocess.Popen(sleeper), subprocess.Popen(sleeper)
    try:
        entries = {
            "ours": {"pid": ours.pid, "started": start_time(ours.pid)},
            "stranger": {"pid": stranger.pid, "started": start_time(stranger.pid) - 1},
            "gone": {"pid": 2**22 - 1, "started": 1},
        }
        folder.write_status({"pid": os.getpid(), "processes": entries})
        assert folder.end_leftovers() == 1
        assert ours.wait(10) != 0
        assert stranger.poll() is None
    finally:
        for process in (ours, stranger):
            process.kill()
            process.wait()


def test_folder_that_cannot_be_made_is_named(tmp_path):
    """A file in its place: the error says which path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"):
        Folder(tmp_path / "file").open()
