"""`yubin mailbox`: what is in an account's mailboxes. Import and export are in mailbox_transfer.py."""

from __future__ import annotations

import sys
from typing import Any

import click

from yubin.cli import output
from yubin.cli.client import Api, Refused, pass_api, segment
from yubin.cli.mailbox_export import named
from yubin.cli.mailbox_letter import readable
from yubin.cli.mailbox_transfer import export, import_
from yubin.cli.output import as_json_option, clock, escaped, examples, size


@click.group(
    epilog=examples(
        "yubin mailbox list alice@example.org",
        "yubin mailbox show alice@example.org Sent",
        "yubin mailbox show alice@example.org --uid 17",
        'yubin mailbox search alice@example.org "invoice november"',
        "yubin mailbox import alice@example.org ~/Maildir",
        "yubin mailbox import alice@example.org old.mbox --mailbox Archive/2019",
        "yubin mailbox export alice@example.org alice/                   a file for each mailbox",
        "yubin mailbox export alice@example.org sent.mbox --mailbox Sent",
        "yubin mailbox export alice@example.org ~/alice --format maildir",
    )
)
def mailbox() -> None:
    """What is in an account's mailboxes, and letters from files and to files.

    A mailbox is called by its name; levels are divided by "/", as in Archive/2019.
    """


@mailbox.command("list")
@click.argument("address")
@as_json_option
@pass_api
def list_(api: Api, address: str, as_json_: bool) -> None:
    """List the mailboxes of an account."""
    found = api.get(_base(address))
    if as_json_:
        output.as_json(found)
        return
    rows = [
        (
            m["name"],
            m["messages"],
            m["unseen"] or "",
            size(m["size"]) if m["size"] else "",
            m["special_use"][1:],
        )
        for m in found["mailboxes"]
    ]
    output.table(("Mailbox", "Letters", "Unread", "Size", "Use"), rows, long=("Mailbox",))
    quota = f" of {size(found['quota'])}" if found["quota"] else ""
    output.say(f"\n{output.letters(found['messages'])}, {size(found['used'])}{quota}")


@mailbox.command()
@click.argument("address")
@click.argument("name", metavar="[MAILBOX]", default="INBOX")
@click.option("--uid", type=click.IntRange(1), help="Show this letter.")
@click.option("--raw", is_flag=True, help="With --uid: its octets as they are; escaped on a terminal.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", type=click.IntRange(1), metavar="UID", help="Letters older than this one.")
@as_json_option
@pass_api
def show(  # noqa: PLR0913, PLR0917 - one for each option
    api: Api,
    address: str,
    name: str,
    uid: int | None,
    raw: bool,
    limit: int,
    before: int | None,
    as_json_: bool,
) -> None:
    """Show the newest letters of a mailbox (INBOX), or one letter."""
    if raw and uid is None:
        raise click.UsageError("--raw shows one letter: say which with --uid.")
    path = f"{_base(address)}/{_one(api, address, name)['id']}/messages"
    if uid is not None:
        _show_letter(api, path, uid, raw=raw, as_json_=as_json_)
        return
    found = api.get(path, limit=limit, before=before)
    if as_json_:
        output.as_json(found)
    elif not found["messages"]:
        output.say("There is no letter." if before is None else "There is no older letter.")
    else:
        rows = [
            (m["uid"], clock(m["received"]), _state(m["flags"]), m["from"], m["subject"], size(m["size"]))
            for m in found["messages"]
        ]
        output.table(
            ("UID", "Received", "State", "From", "Subject", "Size"), rows, long=("From",), cut="Subject"
        )
        if found["next"]:
            output.say(f"\nThere are more: give --before {found['next']}")


@mailbox.command()
@click.argument("address")
@click.argument("words", nargs=-1, required=True)
@click.option("--mailbox", "name", metavar="NAME", help="Only in this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json_option
@pass_api
def search(
    api: Api, address: str, words: tuple[str, ...], name: str | None, limit: int, as_json_: bool
) -> None:
    """Find letters that have all the WORDS.

    A word may stand in the header or in the text; the last one may go on.
    """
    one = _one(api, address, name)["id"] if name else None
    path = f"/v1/accounts/{segment(address)}/search"
    found = api.get(path, words=" ".join(words), mailbox=one, limit=limit)
    if as_json_:
        output.as_json(found)
        return
    rows = [
        (m["mailbox"], m["uid"], clock(m["received"]), m["from"], m["subject"], size(m["size"]))
        for m in found["found"]
    ]
    if rows:
        columns = ("Mailbox", "UID", "Received", "From", "Subject", "Size")
        output.table(columns, rows, long=("Mailbox", "From"), cut="Subject")
    else:
        output.say("No letter has all of these words.")
    if found["more"]:
        output.say("\nThere are more: give a larger --limit, or more words.")
    if found["unknown"]:
        output.say(
            f"\n{output.letters(found['unknown'])} came lately and could not be looked at yet: ask again in a while."
        )


def _base(address: str) -> str:
    return f"/v1/accounts/{segment(address)}/mailboxes"


def _one(api: Api, address: str, name: str) -> dict[str, Any]:
    return named({m["name"]: m for m in api.get(_base(address))["mailboxes"]}, name)


def _state(flags: list[str]) -> str:
    """What there is to say of it: new, where nobody has read it."""
    words = [] if "\\Seen" in flags else ["new"]
    return ", ".join(words + [flag.removeprefix("\\").lower() for flag in flags if flag != "\\Seen"])


def _show_letter(api: Api, path: str, uid: int, *, raw: bool, as_json_: bool) -> None:
    if as_json_ and not raw:
        found = [m for m in api.get(path, after=uid - 1, limit=1)["messages"] if m["uid"] == uid]
        if not found:
            raise Refused("there is no such letter")
        output.as_json(found[0])
        return
    with api.download(f"{path}/{uid}") as pieces:
        octets = b"".join(pieces)
    if not raw:
        output.say("\n".join(readable(octets)))
    elif sys.stdout.isatty():
        output.say("\n".join(escaped(line) for line in octets.decode("utf-8", "replace").split("\r\n")))
    else:
        sys.stdout.buffer.write(octets)


mailbox.add_command(import_)
mailbox.add_command(export)
