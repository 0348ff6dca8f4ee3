"""App passwords and SCRAM as an operator sees them: the yubin command, and the api below it."""

import json
import re

import pytest

from tests.integration.api import System, beside
from tests.integration.test_cli import Terminal

ALICE = "alice@example.org"


@pytest.fixture(scope="module")
def yubin(tmp_path_factory):
    system = System(tmp_path_factory.mktemp("state"))
    with beside(system) as wait:
        yield Terminal(system, wait)


def test_app_passwords(yubin):
    """Shown once when made, never listed; removed by the id that the list shows."""
    said = yubin.good("user", "app-password", "add", ALICE, "phone", "--service", "imap")
    password = said.splitlines()[0]
    assert re.fullmatch(r"app-[a-z2-7]{8}(-[a-z2-7]{5}){4}", password)
    assert "shown once" in said
    assert f"imap as {ALICE}" in said
    listed = yubin.good("user", "app-password", "list", ALICE)
    assert "phone" in listed
    assert "never" in listed
    assert password[13:] not in listed
    (one,) = json.loads(yubin.good("user", "app-password", "list", ALICE, "--json"))
    assert (one["id"], one["services"], one["used"]) == (password[4:12], ["imap"], None)
    assert "was removed" in yubin.good("user", "app-password", "remove", ALICE, one["id"])
    assert "none yet" in yubin.good("user", "app-password", "list", ALICE)
    status, _, err = yubin.run("user", "app-password", "remove", ALICE, one["id"])
    assert (status, err) == (1, "Error: there is no such app password\n")


def test_all_services_unless_some_are_named(yubin):
    """And as JSON, for programs."""
    made = json.loads(yubin.good("user", "app-password", "add", ALICE, "all", "--json"))
    assert made["app_password"]["services"] == ["imap", "pop3", "submission"]
    assert made["password"].startswith(f"app-{made['app_password']['id']}-")
    assert yubin.run("user", "app-password", "add", ALICE, "x", "--service", "api")[0] == 2


def test_names_are_checked(yubin):
    """CASES E16: nothing that a terminal or a log would obey."""
    for name in ("", "\x1b[31m", "x" * 65):
        status, _, err = yubin.run("user", "app-password", "add", ALICE, name)
        assert status == 1
        assert "printable" in err


def test_app_passwords_only(yubin):
    """It is said of the account, and taken back."""
    assert "need an app password" in yubin.good("user", "app-password", "only", ALICE, "--on")
    assert "app passwords only" in yubin.good("user", "show", ALICE)
    assert "may use" in yubin.good("user", "app-password", "only", ALICE, "--off")
    assert "app passwords only" not in yubin.good("user", "show", ALICE)
    assert yubin.run("user", "app-password", "only", ALICE)[0] == 2


def test_scram_of_a_domain(yubin):
    """Off unless asked for."""
    assert "SCRAM" not in yubin.good("domain", "show", "example.org")
    assert "may use SCRAM-SHA-256" in yubin.good("domain", "scram", "example.org", "--on")
    assert "may use SCRAM-SHA-256" in yubin.good("domain", "show", "example.org")
    assert "are gone" in yubin.good("domain", "scram", "example.org", "--off")
    assert "SCRAM" not in yubin.good("domain", "show", "example.org")
    assert yubin.run("domain", "scram", "nowhere.test", "--on")[0] == 1


def test_bodies_say_what_is_wrong(yubin):
    """Unknown fields and wrong types are 400 and change nothing."""

    async def ask():
        async with yubin.system.client() as http:
            return [
                (await http.patch("/v1/domains/example.org", json=body)).status_code
                for body in ({}, {"scram": "yes"}, {"scram": True, "x": 1})
            ]

    assert yubin.wait(ask()) == [400, 400, 400]
    assert "SCRAM" not in yubin.good("domain", "show", "example.org")
