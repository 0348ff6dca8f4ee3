"""The demo: one domain of ours with two accounts, made through the api as an operator would.

Their passwords are random, made once, and kept in the state folder. Each start makes what is missing, so that a state
folder that was half set up is completed. In the pretend world the domain's DKIM key is published, so that a verifier
finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yubin.cli.client import Api, Connection, Refused, segment
from yubin.up.folder import Folder, write

TENANT, DOMAIN, PEOPLE = "demo", "demo.example", ("alice", "bob")
POSTMASTER = f"{PEOPLE[0]}@{DOMAIN}"
CHARACTER_STRING = 255  # octets of one string of a TXT record (RFC 1035 3.3)


@dataclass(frozen=True, kw_only=True)
class Account:
    address: str
    password: str


def accounts(folder: Folder) -> list[Account]:
    """The two, with the passwords of this state folder."""
    return [
        Account(address=f"{name}@{DOMAIN}", password=folder.secret(f"{name}-password", 12)) for name in PEOPLE
    ]


def prepare(connection: Connection, wanted: list[Account]) -> dict[str, Any]:
    """Makes what is missing; the domain, as the api describes it. Blocks; raises Refused."""
    api = Api(lambda: connection)
    try:
        return _prepare(api, wanted)
    finally:
        api.close()


def _prepare(api: Api, wanted: list[Account]) -> dict[str, Any]:
    _unless_there(lambda: api.post("/v1/tenants", {"name": TENANT}))
    _unless_there(lambda: api.post("/v1/domains", {"tenant": TENANT, "name": DOMAIN}))
    for account in wanted:
        new = {"address": account.address, "password": account.password}
        if not _unless_there(lambda new=new: api.post("/v1/accounts", new)):
            api.put(f"/v1/accounts/{segment(account.address)}/password", {"password": account.password})
    domain: dict[str, Any] = api.get(f"/v1/domains/{DOMAIN}")
    return domain


def publish(domain: dict[str, Any], path: Path) -> None:
    """The domain's records as a master file (RFC 1035 5), which the pretend world reads again when it changes."""
    lines = [
        "$TTL 60",
        f"{DOMAIN}. MX 10 mx.{DOMAIN}.",
        f"mx.{DOMAIN}. A 127.0.0.1",
        f'{DOMAIN}. TXT "v=spf1 a:mx.{DOMAIN} -all"',
    ]
    for record in domain["dkim"]:
        text = record["text"]
        parts = [text[i : i + CHARACTER_STRING] for i in range(0, len(text), CHARACTER_STRING)]
        strings = " ".join(f'"{part}"' for part in parts)
        lines.append(f"{record['name'].rstrip('.')}. TXT {strings}")
    write(path, "\n".join(lines) + "\n", 0o600)


def _unless_there(make: Any) -> bool:
    """False when it was there already."""
    try:
        make()
    except Refused as refusal:
        if refusal.status != 409:
            raise
        return False
    return True
