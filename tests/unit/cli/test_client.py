"""Where the api is: options, then environment, then what `make run` left; and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yubin.cli.client import Refused, find


@pytest.fixture
def state(tmp_path):
    (tmp_path / "cli.toml").write_text('api = "https://127.0.0.1:1/"\ntoken_file = "token"\nca = "/ca.pem"\n')
    (tmp_path / "token").write_text("from-the-profile\n")
    return tmp_path


def test_the_profile_of_make_run_is_found(state):
    """YUBIN_STATE names the folder; relative names are relative to it."""
    found = find(None, None, None, {"YUBIN_STATE": str(state)})
    assert (found.api, found.token, found.ca) == ("https://127.0.0.1:1", "from-the-profile", Path("/ca.pem"))


def test_the_environment_goes_before_the_profile(state, tmp_path):
    (tmp_path / "other").write_text("from-the-environment")
    environ = {
        "YUBIN_STATE": str(state),
        "YUBIN_API": "https://api",
        "YUBIN_API_TOKEN_FILE": str(tmp_path / "other"),
        "YUBIN_API_CA": "/x",
    }
    found = find(None, None, None, environ)
    assert (found.api, found.token, found.ca) == ("https://api", "from-the-environment", Path("/x"))


def test_options_go_before_all(state, tmp_path):
    (tmp_path / "mine").write_text("from-the-option")
    environ = {
        "YUBIN_STATE": str(state),
        "YUBIN_API": "https://api",
        "YUBIN_API_TOKEN": "from-the-environment",
    }
    found = find("https://mine", tmp_path / "mine", Path("/y"), environ)
    assert (found.api, found.token, found.ca) == ("https://mine", "from-the-option", Path("/y"))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "make run"),
        ({"YUBIN_API": "https://x"}, "--token-file"),
        ({"YUBIN_API": "https://x", "YUBIN_API_TOKEN_FILE": "/nonexistent/token"}, "cannot be read"),
    ],
)
def test_what_is_missing_is_said(tmp_path, environ, said):
    """One line that names the way out."""
    with pytest.raises(Refused) as refused:
        find(None, None, None, {"YUBIN_STATE": str(tmp_path), **environ})
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_a_broken_profile_is_said(tmp_path):
    (tmp_path / "cli.toml").write_text("api = [")
    with pytest.raises(Refused, match=r"cli\.toml"):
        find(None, None, None, {"YUBIN_STATE": str(tmp_path)})


def test_help_loads_nothing_heavy():
    """`yubin --help` is quick: neither httpx, rich, grpc nor a service is imported."""
    code = (
        "import sys\nfrom yubin.cli.main import main\n"
        "try: main(['mailbox', 'import', '--help'])\nexcept SystemExit: pass\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('httpx', 'rich', 'grpc', 'nats', 'pydantic', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    for name in ("up", "outside", "domain", "user", "send", "track", "queue", "mailbox"):
        assert f"  {name} " in done.stdout
