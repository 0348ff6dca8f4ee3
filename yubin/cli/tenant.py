"""`yubin tenant`: who owns domains."""

from __future__ import annotations

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api
from yubin.cli.output import as_json_option, examples


@click.group(
    epilog=examples(
        "yubin tenant add acme",
        "yubin tenant list",
    )
)
def tenant() -> None:
    """Tenants own domains; mail of one tenant never waits behind that of another."""


@tenant.command()
@click.argument("name")
@as_json_option
@pass_api
def add(api: Api, name: str, as_json_: bool) -> None:
    """Add a tenant: lower-case letters, digits, hyphens."""
    made = api.post("/v1/tenants", {"name": name})
    if as_json_:
        output.as_json(made)
    else:
        output.say(
            f"Tenant {output.escaped(made['name'])} was added. Next: yubin domain add NAME --tenant {made['name']}"
        )


@tenant.command("list")
@as_json_option
@pass_api
def list_(api: Api, as_json_: bool) -> None:
    """List all tenants."""
    found = api.pages("/v1/tenants", "tenants", "name")
    if as_json_:
        output.as_json(found)
    elif found:
        output.table(("Tenant", "Since"), [(t["name"], output.clock(t["created"])) for t in found])
    else:
        output.say("There are no tenants yet. Add one: yubin tenant add NAME")
