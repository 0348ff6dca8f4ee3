"""`yubin user`: accounts. Passwords come from a prompt or from standard input, never from the command line."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from yubin.cli import output
from yubin.cli.app_password import app_password
from yubin.cli.client import Api, Refused, pass_api, segment
from yubin.cli.output import as_json_option, escaped, examples

_SIZE = re.compile(r"(\d{1,15})\s*([kMGT]?)i?B?", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class Size(click.ParamType[int]):
    """``500M``, ``2G``, ``65536``; units are powers of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        m = _SIZE.fullmatch(str(value))
        if m is None:
            self.fail(f"{value!r} is not a size like 500M, 2G or 65536", param, ctx)
        octets: int = int(m[1]) * 1024 ** _UNITS[m[2].lower()]
        return octets


@click.group(
    epilog=examples(
        "yubin user add alice@example.org                 asks for the password",
        "pass mail/alice | yubin user add alice@example.org",
        "yubin user limits alice@example.org --per-hour 500 --message-size 20M",
        "yubin user passwd alice@example.org",
        "yubin user move alice@example.org alice@elsewhere.example",
    )
)
def user() -> None:
    """Accounts: who may log in, and send as which addresses."""


user.add_command(app_password)


@user.command()
@click.argument("address")
@as_json_option
@pass_api
def add(api: Api, address: str, as_json_: bool) -> None:
    """Add an account; asks for the password, or reads it from standard input."""
    made = api.post("/v1/accounts", {"address": address, "password": _password()})
    if as_json_:
        output.as_json(made)
    else:
        output.say(f"Account {escaped(made['address'])} was added and may log in now.")


@user.command("list")
@click.option("--domain", help="Only this domain's.")
@as_json_option
@pass_api
def list_(api: Api, domain: str | None, as_json_: bool) -> None:
    """List accounts."""
    found = api.pages("/v1/accounts", "accounts", "address", domain=domain)
    if as_json_:
        output.as_json(found)
    elif found:
        rows = [(a["address"], a["tenant"], _state(a), *_limits(a)) for a in found]
        output.table(("Account", "Tenant", "State", "Quota", "Letter", "Recipients", "Per hour"), rows)
    else:
        output.say("There are no accounts yet. Add one: yubin user add NAME@DOMAIN")


@user.command()
@click.argument("address")
@as_json_option
@pass_api
def show(api: Api, address: str, as_json_: bool) -> None:
    """Show an account."""
    _shown(api.get(f"/v1/accounts/{segment(address)}"), as_json_)


@user.command()
@click.argument("address")
@click.argument("new_address", required=False)
@click.option("--back", is_flag=True, help="The account takes mail again.")
@as_json_option
@pass_api
def move(api: Api, address: str, new_address: str | None, back: bool, as_json_: bool) -> None:
    """Tell senders that the user has moved to NEW_ADDRESS: mail is refused, what is there can be read."""
    if back == (new_address is not None):
        raise click.UsageError("name the new address, or give --back")
    moved = api.patch(f"/v1/accounts/{segment(address)}", {"moved_to": new_address or ""})
    if as_json_:
        output.as_json(moved)
    elif back:
        output.say(f"{escaped(moved['address'])} takes mail again within a minute.")
    else:
        output.say(
            f"Who writes to {escaped(moved['address'])} is told {escaped(moved['moved_to'])}, within a minute."
        )


@user.command()
@click.argument("address")
@pass_api
def passwd(api: Api, address: str) -> None:
    """Set a new password; the old one stops working within a minute."""
    api.put(f"/v1/accounts/{segment(address)}/password", {"password": _password()})
    output.say(f"The password of {escaped(address)} was changed.")


@user.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_api
def remove(api: Api, address: str, yes: bool) -> None:
    """Remove an account with its letters. Export them first: yubin mailbox export."""
    if not yes:
        click.confirm(f"Remove {escaped(address)} with all its letters?", abort=True)
    api.delete(f"/v1/accounts/{segment(address)}")
    output.say(f"Account {escaped(address)} was removed.")


@user.command()
@click.argument("address")
@click.option("--quota", type=Size(), help="Of the mailbox, such as 5G.")
@click.option("--message-size", type=Size(), help="Of one letter, such as 20M.")
@click.option("--recipients", type=click.IntRange(0), help="Of one letter.")
@click.option("--per-hour", type=click.IntRange(0), help="Recipients an hour.")
@click.option("--enable/--disable", default=None, help="Whether it may log in.")
@as_json_option
@pass_api
def limits(  # noqa: PLR0913, PLR0917 - one for each option
    api: Api,
    address: str,
    quota: int | None,
    message_size: int | None,
    recipients: int | None,
    per_hour: int | None,
    enable: bool | None,
    as_json_: bool,
) -> None:
    """Show an account, or change what is given; a limit of 0 means the default."""
    path = f"/v1/accounts/{segment(address)}"
    wishes = {"quota": quota, "message_size": message_size, "recipients": recipients, "per_hour": per_hour}
    given = {name: wish for name, wish in wishes.items() if wish is not None}
    found = api.get(path)
    if given or enable is not None:
        change: dict[str, Any] = {"enabled": enable} if enable is not None else {}
        if given:
            change["limits"] = found["limits"] | given
        found = api.patch(path, change)
    _shown(found, as_json_)


def _shown(account: dict[str, Any], as_json_: bool) -> None:
    if as_json_:
        output.as_json(account)
        return
    row = (account["address"], _state(account) or "enabled", *_limits(account, unset="default"))
    output.table(("Account", "State", "Quota", "Letter", "Recipients", "Per hour"), [row])


def _state(account: dict[str, Any]) -> str:
    """A pod of the version before says nothing of moving."""
    states = [] if account["enabled"] else ["disabled"]
    if account.get("moved_to"):
        states.append(f"moved to {account['moved_to']}")
    if account.get("app_only"):
        states.append("app passwords only")
    return ", ".join(states)


def _limits(account: dict[str, Any], unset: str = "") -> tuple[object, ...]:
    of = account["limits"]
    sizes = [output.size(of[name]) if of[name] else unset for name in ("quota", "message_size")]
    return (*sizes, of["recipients"] or unset, of["per_hour"] or unset)


def _password() -> str:
    """Twice from a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Refused("no password came on standard input")
    return line
