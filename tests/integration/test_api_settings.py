"""The api pod's settings: a wrong one is an error at start that names the variable and shows no secret."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.api.config import Settings
from services.api.tokens import Tokens
from yubin.errors import Unauthenticated
from yubin.runtime.settings import problems

TOKEN = "a-token-of-enough-length"


@pytest.fixture
def variables(tmp_path, monkeypatch):
    (tmp_path / "token").write_text(TOKEN + "\n")
    good = {
        "YUBIN_API_TOKEN_FILE": str(tmp_path / "token"),
        "YUBIN_HOSTNAME": "mx.example.org",
        "YUBIN_LEDGER_URL": "memory:",
        "YUBIN_OBJECTS_URL": "memory:",
        "YUBIN_INSECURE": "true",
    }
    for name, value in good.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_least_that_is_needed(variables):
    """Five variables; everything else has a default."""
    settings = Settings()
    assert settings.certificate is None
    assert settings.request_size > settings.message_size * 4 // 3


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("YUBIN_API_TOKEN_FILE", "/nonexistent/token", "cannot be read"),
        ("YUBIN_API_LISTEN", "8443", "host:port"),
        ("YUBIN_API_TLS_CERT", "/nonexistent/cert", "file"),
        ("YUBIN_RECIPIENTS", "0", "greater"),
        ("YUBIN_MESSAGE_SIZE", "many", "integer"),
    ],
)
def test_a_wrong_setting_is_named(variables, name, value, said):
    variables.setenv(name, value)
    with pytest.raises(ValidationError) as wrong:
        Settings()
    (line,) = problems(wrong.value)
    assert line.startswith(f"{name}: ")
    assert said in line


def test_a_short_token_is_refused_and_not_shown(variables, tmp_path):
    """CASES L8: the line names the variable and the least length, not the token."""
    (tmp_path / "token").write_text("hunter2")
    with pytest.raises(ValidationError) as wrong:
        Settings()
    (line,) = problems(wrong.value)
    assert "20 characters" in line
    assert "hunter2" not in line


def test_a_certificate_needs_its_key(variables, tmp_path):
    variables.setenv("YUBIN_API_TLS_CERT", str(tmp_path / "token"))
    with pytest.raises(ValidationError, match="YUBIN_API_TLS_KEY"):
        Settings()


def test_the_token_is_the_whole_token():
    """Neither a part of it nor more than it is accepted; the scheme's case does not matter (RFC 7235 2.1)."""
    tokens = Tokens(TOKEN)
    assert tokens.principal(f"bearer {TOKEN}").role == "operator"
    for wrong in ("", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Token {TOKEN}", "Bearer \udc80"):
        with pytest.raises(Unauthenticated):
            tokens.principal(wrong)
