"""`yubin up --config`: every key documented, nothing unknown, errors that name the key."""

import tomllib

import pytest
from click.testing import CliRunner

from yubin.cli.up import up
from yubin.errors import Invalid, Unavailable
from yubin.up import ports
from yubin.up.config import POD_NAMES, Config, keys, load


def written(tmp_path, text):
    path = tmp_path / "yubin.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path):
    """So the same file means the same from wherever it is started."""
    config = load(written(tmp_path, 'state = "data"\n'))
    assert config.state == str(tmp_path / "data")
    assert load(written(tmp_path, "")).state == str(tmp_path / "state")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot_base = 1\n", "prot_base"),
        ('port_base = "x"\n', "port_base"),
        ("port_base = 80\n", "port_base"),
        ("smtp_port = 70000\n", "smtp_port"),
        ("[pods.mailer]\nslots = 1\n", "mailer"),
        ('certificate = "a.pem"\n', "certificate_key"),
        ("state = \n", "not TOML"),
        ('state = "a#b"\n', "state"),
    ],
)
def test_wrong_key_is_an_error_that_names_it(tmp_path, text, named):
    """A typing error is not silently a default."""
    with pytest.raises(Invalid, match=named):
        load(written(tmp_path, text))


def test_missing_file_is_named(tmp_path):
    """The file itself may be wrong too."""
    with pytest.raises(Invalid, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")


def test_every_key_is_documented():
    """`yubin up --keys` lists each key with its default, and what it prints is a valid file."""
    rows = keys()
    assert [name for name, _, _ in rows] == list(Config.__struct_fields__)
    assert all(len(about) > 20 for _, _, about in rows)
    said = CliRunner().invoke(up, ["--keys"])
    assert said.exit_code == 0
    listed = tomllib.loads(said.output)
    assert {name: listed[name] for name, default, _ in rows if name != "pods"} == {
        name: getattr(Config(), name) for name in Config.__struct_fields__ if name != "pods"
    }


def test_nothing_asked_for_is_explained():
    """Neither --config nor --demo: it says what to give."""
    said = CliRunner().invoke(up, [])
    assert said.exit_code == 2
    assert "--demo" in said.output
    assert "--internet goes with --demo" in CliRunner().invoke(up, ["--internet", "--config", "x"]).output


def test_ports_are_distinct_and_within_a_thousand():
    """Two systems a thousand apart do not meet."""
    named = ports.of(Config(port_base=20000)).named()
    assert len(set(named.values())) == len(named)
    assert all(20000 <= port < 21000 for port in named.values())
    assert set(ports.of(Config()).pods) == set(POD_NAMES)
    assert ports.of(Config(submission_port=2587)).submission == 2587


def test_port_that_is_taken_is_named(unused_tcp_port_factory):
    """The error says which port and what it was for."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"{port} \(submission\)"):
            ports.check_free(
                {"submission": ("127.0.0.1", port), "api": ("127.0.0.1", unused_tcp_port_factory())}
            )
