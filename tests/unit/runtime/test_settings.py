from __future__ import annotations

import pytest
from pydantic import Field

from yubin.runtime.settings import PodSettings, host_port, load


class Settings(PodSettings):
    ledger_url: str = Field(description="…")
    slots: int = Field(10, ge=1)


@pytest.fixture
def env(monkeypatch):
    monkeypatch.setenv("YUBIN_INSECURE", "true")
    monkeypatch.setenv("YUBIN_LEDGER_URL", "memory:")
    return monkeypatch


def test_values_come_from_the_environment(env):
    """A field is the variable of its name."""
    env.setenv("YUBIN_SLOTS", "7")
    assert load(Settings).slots == 7


@pytest.mark.parametrize(
    ("name", "value"), [("YUBIN_SLOTS", "many"), ("YUBIN_SLOTS", "0"), ("YUBIN_TRACE_RATIO", "2")]
)
def test_a_wrong_value_names_its_variable(env, capsys, name, value):
    """A wrong setting ends the process at start, and the line says which variable it is."""
    env.setenv(name, value)
    with pytest.raises(SystemExit) as stop:
        load(Settings)
    assert stop.value.code == 2
    assert name in capsys.readouterr().err


def test_a_missing_value_names_its_variable(env, capsys):
    """What has no default must be given."""
    env.delenv("YUBIN_LEDGER_URL")
    with pytest.raises(SystemExit):
        load(Settings)
    assert "YUBIN_LEDGER_URL" in capsys.readouterr().err


def test_a_wrong_value_is_not_repeated(env, capsys):
    """What was given may be a secret in the wrong place: it is not printed."""
    env.setenv("YUBIN_SLOTS", "hunter2hunter2")
    with pytest.raises(SystemExit):
        load(Settings)
    assert "hunter2" not in capsys.readouterr().err


def test_mutual_tls_is_the_default(env, capsys):
    """Without certificates a pod does not start, and says which variables are missing."""
    env.delenv("YUBIN_INSECURE")
    with pytest.raises(SystemExit):
        load(Settings)
    assert "YUBIN_TLS_CA" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "pair"),
    [("127.0.0.1:25", ("127.0.0.1", 25)), ("[::1]:25", ("::1", 25)), (":25", ("0.0.0.0", 25))],
)
def test_host_and_port(text, pair):
    """Both address families, and all addresses."""
    assert host_port(text) == pair


@pytest.mark.parametrize("text", ["25", "host", "host:", "host:70000", "host:x"])
def test_what_is_not_host_and_port_is_refused(text):
    with pytest.raises(ValueError, match="host:port"):
        host_port(text)
