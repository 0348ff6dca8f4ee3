"""`yubin user app-password`: random passwords, one for each mail program."""

from __future__ import annotations

from typing import Any

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api, segment
from yubin.cli.output import as_json_option, escaped, examples

SERVICES = ("submission", "imap", "pop3")


@click.group(
    "app-password",
    epilog=examples(
        "yubin user app-password add alice@example.org 'phone'",
        "yubin user app-password add alice@example.org 'printer' --service submission",
        "yubin user app-password only alice@example.org --on",
    ),
)
def app_password() -> None:
    """Random passwords, one for each mail program."""


@app_password.command()
@click.argument("address")
@click.argument("name")
@click.option(
    "--service",
    "services",
    multiple=True,
    type=click.Choice(SERVICES),
    help="What it is for; may be given again. All unless given.",
)
@as_json_option
@pass_api
def add(api: Api, address: str, name: str, services: tuple[str, ...], as_json_: bool) -> None:
    """Make one, and print it: it is shown this once."""
    made = api.post(_path(address), {"name": name, "services": list(services)})
    if as_json_:
        output.as_json(made)
        return
    output.say(made["password"])
    output.say(
        f"\nThis is shown once. It is for {', '.join(made['app_password']['services'])} as {escaped(address)}.",
    )


@app_password.command("list")
@click.argument("address")
@as_json_option
@pass_api
def list_(api: Api, address: str, as_json_: bool) -> None:
    """List them; not what they are."""
    found: list[dict[str, Any]] = api.get(_path(address))["app_passwords"]
    if as_json_:
        output.as_json(found)
    elif found:
        rows = [
            (a["id"], a["name"], " ".join(a["services"]), output.clock(a["created"]), _used(a)) for a in found
        ]
        output.table(("Id", "Name", "For", "Since", "Last used"), rows)
    else:
        output.say(f"There are none yet. Add one: yubin user app-password add {escaped(address)} NAME")


@app_password.command()
@click.argument("address")
@click.argument("id", metavar="ID")
@pass_api
def remove(api: Api, address: str, id: str) -> None:  # noqa: A002 - what it is called in the list
    """Remove one; it stops working within a minute."""
    api.delete(f"{_path(address)}/{segment(id)}")
    output.say(f"App password {escaped(id)} was removed.")


@app_password.command()
@click.argument("address")
@click.option("--on/--off", "wish", required=True, help="Whether mail programs need an app password.")
@pass_api
def only(api: Api, address: str, wish: bool) -> None:
    """Whether the account's own password opens no mail service."""
    api.patch(f"/v1/accounts/{segment(address)}", {"app_only": wish})
    needs = "need an app password" if wish else "may use the account's password"
    output.say(f"Mail programs of {escaped(address)} {needs}, within a minute.")


def _path(address: str) -> str:
    return f"/v1/accounts/{segment(address)}/app-passwords"


def _used(found: dict[str, Any]) -> str:
    return output.clock(found["used"]) if found["used"] else "never"
