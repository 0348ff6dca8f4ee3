"""The yubin command as a person uses it, against the api over real HTTPS."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.integration.api import System, beside
from yubin.cli.main import main
from yubin.queue.port import Outcome


class Terminal:
    """``run`` gives (exit status, standard output, standard error)."""

    def __init__(self, system: System, wait) -> None:
        self.system, self.wait = system, wait

    def run(self, *args: str, typed: str | None = None, **environ: str):
        env = {"YUBIN_STATE": str(self.system.folder), "TZ": "UTC"} | environ
        done = CliRunner().invoke(main, args, input=typed, env=env)
        return done.exit_code, done.stdout, done.stderr

    def good(self, *args: str, typed: str | None = None) -> str:
        status, out, err = self.run(*args, typed=typed)
        assert (status, err) == (0, ""), (out, err)
        return out

    def send(self, *more: str) -> str:
        """The tracking number."""
        letter = (
            "--from",
            "alice@example.org",
            "--to",
            "bob@dest.test",
            "--subject",
            "hi",
            "--text",
            "x",
            "--json",
        )
        number: str = json.loads(self.good("send", *letter, *more))["number"]
        return number


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    system = System(tmp_path_factory.mktemp("state"))
    with beside(system) as wait:
        yield Terminal(system, wait)


@pytest.fixture
def yubin(shared):
    yield shared
    shared.run("queue", "cancel", "--all", "--yes")


def test_domains(yubin):
    """Add prints the record to publish in zone-file form, list and show find it, key adds one, remove removes."""
    said = yubin.good("domain", "add", "Shop.test")
    assert "Domain shop.test was added for tenant default." in said
    assert "._domainkey.shop.test. 3600 IN TXT (" in said
    assert all(len(line.strip(' ")')) <= 255 for line in said.splitlines() if line.startswith('    "'))
    assert "shop.test" in yubin.good("domain", "list")
    assert "replaced" in yubin.good("domain", "key", "shop.test", "--selector", "next")
    assert "next._domainkey.shop.test" in yubin.good("domain", "show", "shop.test")
    assert yubin.run("domain", "remove", "shop.test", typed="n\n")[0] == 1
    assert "was removed" in yubin.good("domain", "remove", "shop.test", "--yes")
    assert yubin.run("domain", "show", "shop.test")[0] == 1


def test_users(yubin):
    """The password comes from standard input; limits change one by one; the list shows them."""
    assert "bob@example.org was added" in yubin.good(
        "user", "add", "bob@example.org", typed="correct horse\n"
    )
    assert "10 MiB" in yubin.good(
        "user", "limits", "bob@example.org", "--message-size", "10M", "--per-hour", "500"
    )
    shown = json.loads(yubin.good("user", "limits", "bob@example.org", "--recipients", "7", "--json"))
    assert shown["limits"] == {"quota": 0, "message_size": 10_485_760, "recipients": 7, "per_hour": 500}
    assert "disabled" in yubin.good("user", "limits", "bob@example.org", "--disable")
    assert "bob@example.org" in yubin.good("user", "list", "--domain", "example.org")
    assert "was changed" in yubin.good("user", "passwd", "bob@example.org", typed="another horse\n")
    assert "was removed" in yubin.good("user", "remove", "bob@example.org", "--yes")


def test_a_user_moves(yubin):
    """The new address is shown wherever the account is; --back takes it back; one of both must be said."""
    yubin.good("user", "add", "mia@example.org", typed="correct horse\n")
    assert "is told mia@new.test" in yubin.good("user", "move", "mia@example.org", "mia@new.test")
    for command in (("list",), ("show", "mia@example.org"), ("limits", "mia@example.org")):
        assert "moved to mia@new.test" in " ".join(yubin.good("user", *command).split())
    shown = json.loads(yubin.good("user", "show", "mia@example.org", "--json"))
    assert (shown["moved_to"], shown["enabled"]) == ("mia@new.test", True)
    assert yubin.run("user", "move", "mia@example.org")[0] == 2
    assert yubin.run("user", "move", "mia@example.org", "mia@new.test", "--back")[0] == 2
    assert "takes mail again" in yubin.good("user", "move", "mia@example.org", "--back")
    assert "enabled" in yubin.good("user", "show", "mia@example.org")
    yubin.good("user", "remove", "mia@example.org", "--yes")


def test_no_command_takes_a_password_as_an_argument():
    """A password on the command line would stand in the shell's history and in ps."""
    for command in ("add", "passwd"):
        options = {o for p in main.get_command(None, "user").commands[command].params for o in p.opts}
        assert not any("pass" in option for option in options)


def test_aliases(yubin):
    assert "stands for" in yubin.good("alias", "add", "sales@example.org", "alice@example.org", "x@dest.test")
    assert "alice@example.org, x@dest.test" in yubin.good("alias", "list")
    yubin.good("alias", "remove", "sales@example.org")
    assert "no aliases yet" in yubin.good("alias", "list")


def test_a_letter_is_sent_and_followed(yubin):
    """Send tells the number and the next command; track tells the way: replies, times, the next attempt, the end."""
    said = yubin.good(
        "send",
        "--from",
        "alice@example.org",
        "--to",
        "bob@dest.test",
        "--subject",
        "件名",
        typed="こんにちは\n",
    )
    number = said.splitlines()[1].removeprefix("Follow it: yubin track ")
    yubin.wait(yubin.system.attempt(Outcome.PENDING, 451, "4.7.1", "Greylisted"))
    shown = yubin.good("track", number)
    for part in (
        "deferred",
        "451 4.7.1 Greylisted",
        "mx.dest.test[192.0.2.1]:25",
        "accepted",
        "in 5 min",
        "(UTC)",
    ):
        assert part in shown or part == "in 5 min", shown
    assert "1 row due now" in yubin.good("queue", "flush", number)
    yubin.wait(yubin.system.attempt(Outcome.DELIVERED, 250, "2.0.0", "Ok"))
    shown = yubin.good("track", number, "--follow")
    assert "250 2.0.0 Ok" in shown
    assert json.loads(yubin.good("track", number, "--json"))["number"] == number
    assert "nothing in the queue" in yubin.run("queue", "show", number)[2]


def test_a_whole_letter_from_a_file(yubin, tmp_path):
    """--raw reads the letter; it excludes the other ways to say something."""
    (tmp_path / "letter.eml").write_bytes(b"From: alice@example.org\nSubject: x\n\nhello\n")
    raw = ("--raw", str(tmp_path / "letter.eml"))
    envelope = ("send", "--from", "alice@example.org", "--to", "bob@dest.test")
    assert "Accepted for 1 recipient" in yubin.good(*envelope, *raw)
    status, _, err = yubin.run(*envelope, *raw, "--text", "y")
    assert (status, "--raw" in err) == (2, True)


def test_the_same_key_sends_once(yubin):
    assert (
        yubin.send("--key", "invoice 1")
        == yubin.send("--key", "invoice 1")
        != yubin.send("--key", "invoice 2")
    )


def test_the_queue(yubin):
    """list, show, hold, flush, cancel: by number, by filter, everything only with --all."""
    assert "Nothing waits" in yubin.good("queue", "list")
    number = yubin.send()
    yubin.send("--to", "carol@dest.test", "--to", "dan@other.test")
    listed = yubin.good("queue", "list")
    assert number in listed
    assert "bob@dest.test and 1 more" in listed
    assert "bob@dest.test" in yubin.good("queue", "show", number)
    assert "2 rows held" in yubin.good("queue", "hold", "--domain", "dest.test")
    assert "held" in yubin.good("queue", "list", "--state", "held")
    assert "1 row cancelled" in yubin.good("queue", "cancel", number)
    assert "row" in yubin.good("queue", "flush", "--all")
    assert yubin.run("queue", "cancel", "--domain", "dest.test", typed="n\n")[0] == 1
    assert "Nothing that waits matches" in yubin.good("queue", "list", "--site", "none")
    page = yubin.good("queue", "list", "--limit", "1")
    assert "There is more: yubin queue list --after " in page


def test_what_a_peer_says_cannot_reach_the_terminal(yubin):
    """CASES L9: colours, cursor moves and line ends in a reply, a sender or a recipient come out as codes."""
    evil = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe [bold]x[/bold]"
    number = yubin.send()
    yubin.wait(yubin.system.attempt(Outcome.PENDING, 451, "4.0.0", evil, peer="\x1b[31mmx[192.0.2.1]:25"))
    for command in (
        ("track", number),
        ("queue", "list"),
        ("queue", "show", number),
        ("track", number, "--json"),
    ):
        shown = yubin.good(*command)
        assert not set(shown) & {"\x1b", "\x07", "\r", "\u202e"}
        assert "[bold]x[/bold]" in shown


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("track", "x"), 1, "not a tracking number"),
        (("track", "0" * 26), 1, "no letter has this tracking number"),
        (("domain", "add", "example.org"), 1, "is taken"),
        (("user", "add", "x@nowhere.test"), 1, "domain"),
        (
            ("send", "--from", "x@nowhere.test", "--to", "y@z.test", "--text", ""),
            1,
            "is not a domain of this system",
        ),
        (("send", "--from", "alice@example.org"), 2, "--to"),
        (("send",), 2, "--from"),
        (("queue", "flush"), 2, "--all"),
        (("queue", "list", "--state", "nonsense"), 2, "nonsense"),
        (("user", "limits", "alice@example.org", "--quota", "huge"), 2, "500M"),
        (("nonsense",), 2, "nonsense"),
        (("--api", "https://127.0.0.1:1", "queue", "list"), 1, "is the system running"),
        (("--api", "nonsense", "queue", "list"), 1, "is not a URL"),
        (("--ca", "/nonexistent", "queue", "list"), 1, "cannot be read"),
    ],
)
def test_errors_say_what_to_do(yubin, args, status, said):
    """Exit status 1 and one line, or 2 for a wrong use; never a traceback."""
    code, out, err = yubin.run(*args, typed="correct horse\n")
    assert (code, out) == (status, "")
    assert said in err
    assert "Traceback" not in err
    if status == 1:
        assert err.count("\n") == 1


def test_a_wrong_token_and_an_unknown_ca_are_told_apart(yubin, tmp_path):
    """The one says --token-file, the other --ca."""
    (tmp_path / "wrong").write_text("not-the-token-of-this-system")
    assert "--token-file" in yubin.run("--token-file", str(tmp_path / "wrong"), "queue", "list")[2]
    (tmp_path / "cli.toml").write_text(f'api = "{yubin.system.url}"\ntoken_file = "wrong"\n')
    assert "--ca" in yubin.run("queue", "list", YUBIN_STATE=str(tmp_path))[2]


def test_every_page_of_help_is_there(shared):
    """Each command explains itself without a system."""
    for group, commands in {
        "domain": ["add", "list", "show", "remove", "key"], "user": ["add", "list", "passwd", "remove", "limits"],
        "alias": ["add", "list", "remove"], "tenant": ["add", "list"], "queue": ["list", "show", "cancel", "hold", "flush"],
    }.items():  # fmt: skip
        assert "Examples:" in shared.run(group, "--help", YUBIN_STATE="/nonexistent")[1]
        for command in commands:
            status, out, _ = shared.run(group, command, "--help", YUBIN_STATE="/nonexistent")
            assert status == 0
            assert out
    for command in ("send", "track"):
        assert "Examples:" in shared.run(command, "--help", YUBIN_STATE="/nonexistent")[1]
