"""`yubin domain`: domains, and the DNS records that make their mail trusted."""

from __future__ import annotations

from typing import Any

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api, segment
from yubin.cli.output import as_json_option, escaped, examples

STRING = 255  # octets of one character-string in a TXT record (RFC 1035 3.3.14)


@click.group(
    epilog=examples(
        "yubin domain add example.org",
        "yubin domain show example.org     the DNS records to publish",
        "yubin domain key example.org      a new DKIM key",
    )
)
def domain() -> None:
    """Domains that this system sends for."""


@domain.command()
@click.argument("name")
@click.option("--tenant", default="default", show_default=True, help="Who owns it.")
@click.option(
    "--catch-all", metavar="ADDRESS", default="", help="Account that owns every address of the domain."
)
@as_json_option
@pass_api
def add(api: Api, name: str, tenant: str, catch_all: str, as_json_: bool) -> None:
    """Add a domain; prints the DKIM record to publish in its DNS."""
    made = api.post("/v1/domains", {"name": name, "tenant": tenant, "catch_all": catch_all})
    if as_json_:
        output.as_json(made)
        return
    output.say(f"Domain {escaped(made['name'])} was added for tenant {escaped(made['tenant'])}.")
    _publish(made)
    output.say(f"\nNext: yubin user add NAME@{escaped(made['name'])}")


@domain.command("list")
@click.option("--tenant", help="Only this tenant's.")
@as_json_option
@pass_api
def list_(api: Api, tenant: str | None, as_json_: bool) -> None:
    """List domains."""
    found = api.pages("/v1/domains", "domains", "name", tenant=tenant)
    if as_json_:
        output.as_json(found)
    elif found:
        rows = [
            (d["name"], d["tenant"], _selectors(d), d["catch_all"], output.clock(d["created"])) for d in found
        ]
        output.table(("Domain", "Tenant", "DKIM", "Catch-all", "Since"), rows)
    else:
        output.say("There are no domains yet. Add one: yubin domain add NAME")


@domain.command()
@click.argument("name")
@as_json_option
@pass_api
def show(api: Api, name: str, as_json_: bool) -> None:
    """Show a domain and the DNS records to publish."""
    found = api.get(f"/v1/domains/{segment(name)}")
    if as_json_:
        output.as_json(found)
        return
    output.say(
        f"Domain {escaped(found['name'])}, tenant {escaped(found['tenant'])}, since {output.clock(found['created'])}."
    )
    if found["catch_all"]:
        output.say(f"All its addresses belong to {escaped(found['catch_all'])}.")
    if found.get("scram"):
        output.say("Its accounts may use SCRAM-SHA-256.")
    _publish(found)


@domain.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_api
def remove(api: Api, name: str, yes: bool) -> None:
    """Remove a domain with its aliases and keys. It must have no accounts."""
    if not yes:
        click.confirm(f"Remove {escaped(name)} with its aliases and DKIM keys?", abort=True)
    api.delete(f"/v1/domains/{segment(name)}")
    output.say(f"Domain {escaped(name)} was removed.")


@domain.command()
@click.argument("name")
@click.option(
    "--algorithm",
    type=click.Choice(["rsa-sha256", "ed25519-sha256"]),
    default="rsa-sha256",
    show_default=True,
)
@click.option("--selector", default="", help="Its name in DNS; made from the date unless given.")
@as_json_option
@pass_api
def key(api: Api, name: str, algorithm: str, selector: str, as_json_: bool) -> None:
    """Make a new DKIM key, which signs from now on; prints the records to publish."""
    made = api.post(f"/v1/domains/{segment(name)}/keys", {"algorithm": algorithm, "selector": selector})
    if as_json_:
        output.as_json(made)
        return
    output.say(f"Domain {escaped(made['name'])} signs with a new key.")
    _publish(made)


@domain.command()
@click.argument("name")
@click.option("--on/--off", "wish", required=True, help="Whether it is allowed.")
@pass_api
def scram(api: Api, name: str, wish: bool) -> None:
    """Allow SCRAM-SHA-256 (passwords are never sent), or forget its verifiers."""
    changed = api.patch(f"/v1/domains/{segment(name)}", {"scram": wish})
    if wish:
        output.say(
            f"Accounts of {escaped(changed['name'])} may use SCRAM-SHA-256, each from its next login or new password on."
        )
    else:
        output.say(f"The verifiers of {escaped(changed['name'])} are gone.")


def _selectors(found: dict[str, Any]) -> str:
    return " ".join(r["selector"] for r in found["dkim"] if r["signing"])


def _publish(found: dict[str, Any]) -> None:
    output.say("\nPublish in DNS, so that receivers can verify its signatures:\n")
    for record in found["dkim"]:
        note = "" if record["signing"] else "   ; replaced: keep it for a week, then remove it"
        text = escaped(record["text"])
        strings = [text[i : i + STRING] for i in range(0, len(text), STRING)]
        lines = "\n".join(f'    "{string}"' for string in strings)
        output.say(f"{escaped(record['name'])}. 3600 IN TXT ({note}\n{lines} )")
