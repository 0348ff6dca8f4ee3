"""`yubin alias`: addresses that stand for others."""

from __future__ import annotations

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api, segment
from yubin.cli.output import as_json_option, escaped, examples


@click.group(
    epilog=examples(
        "yubin alias add sales@example.org alice@example.org bob@example.org",
        "yubin alias list --domain example.org",
    )
)
def alias() -> None:
    """An alias is one address with one or more targets; a target that is an account here may send as the alias."""


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@as_json_option
@pass_api
def add(api: Api, address: str, targets: tuple[str, ...], as_json_: bool) -> None:
    """Make an alias, or replace its targets."""
    made = api.put(f"/v1/aliases/{segment(address)}", {"targets": targets})
    if as_json_:
        output.as_json(made)
    else:
        output.say(f"{escaped(made['address'])} stands for {escaped(', '.join(made['targets']))}.")


@alias.command("list")
@click.option("--domain", help="Only this domain's.")
@as_json_option
@pass_api
def list_(api: Api, domain: str | None, as_json_: bool) -> None:
    """List aliases."""
    found = api.pages("/v1/aliases", "aliases", "address", domain=domain)
    if as_json_:
        output.as_json(found)
    elif found:
        output.table(("Alias", "Targets"), [(a["address"], ", ".join(a["targets"])) for a in found])
    else:
        output.say("There are no aliases yet. Add one: yubin alias add ADDRESS TARGET...")


@alias.command()
@click.argument("address")
@pass_api
def remove(api: Api, address: str) -> None:
    """Remove an alias."""
    api.delete(f"/v1/aliases/{segment(address)}")
    output.say(f"Alias {escaped(address)} was removed.")
