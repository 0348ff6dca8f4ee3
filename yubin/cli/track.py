"""`yubin track NUMBER`: the letter's way, with local times and what the other servers said."""

from __future__ import annotations

import time
from typing import Any

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api, segment
from yubin.cli.output import as_json_option, clock, escaped, examples, reply, size, until

POLL = 1.0  # seconds between two looks of --follow
WAITING = {"ready", "deferred"}


@click.command(
    epilog=examples(
        "yubin track 01KAMV3RZS8EHFT8WHT1G37VX4",
    )
)
@click.argument("number")
@click.option("--follow", is_flag=True, help="Wait until every recipient has ended, or Ctrl-C.")
@as_json_option
@pass_api
def track(api: Api, number: str, follow: bool, as_json_: bool) -> None:
    """Follow a letter by its tracking number, which stands in the 250 reply, in its Received field and in reports."""
    path = f"/v1/track/{segment(number)}"
    found = api.get(path)
    while follow and any(r["outcome"] == "pending" for d in found["deliveries"] for r in d["recipients"]):
        time.sleep(POLL)
        found = api.get(path)
    if as_json_:
        output.as_json(found)
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    sender = f"from {escaped(found['sender'])}" if found["sender"] else "a report from this system"
    output.say(
        f"Letter {escaped(found['number'])}, {sender}, {size(found['size'])}, by {escaped(found['origin'])}"
    )
    output.say(f"accepted {clock(found['created'])} ({output.zone()})\n")
    rows = [_recipient(d, r) for d in found["deliveries"] for r in d["recipients"]]
    columns = ("Recipient", "State", "Tries", "Ended or next try", "Last reply")
    output.table(columns, rows, stated="State", long=("Recipient", "Last reply"))
    output.say()
    domains = {d["id"]: d["domain"] for d in found["deliveries"]}
    events = [_event(e, domains, found["created"]) for e in found["events"]]
    output.table(
        ("Time", "What", "For", "Server", "Reply"), events, stated="What", long=("For", "Server", "Reply")
    )


def _recipient(delivery: dict[str, Any], recipient: dict[str, Any]) -> tuple[object, ...]:
    state = delivery["state"] if recipient["outcome"] == "pending" else recipient["outcome"]
    if delivery["wish"] and recipient["outcome"] == "pending":
        state += f", to {delivery['wish']}"
    waits = recipient["outcome"] == "pending" and delivery["state"] in WAITING
    next_ = until(delivery["due"]) if waits else clock(recipient["ended"])
    said = reply(recipient["code"], recipient["enhanced"], recipient["text"])
    return recipient["address"], state, delivery["attempts"], next_, said


def _event(event: dict[str, Any], domains: dict[str, str], day: str) -> tuple[object, ...]:
    """An event of a whole delivery is for its domain, one of the letter for nobody in particular."""
    said = reply(event["code"], event["enhanced"], event["text"])
    if event["kind"] == "reported":  # the text is the report's own tracking number
        said = f"the sender was told: {said}"
    whom = event["recipient"] or domains.get(event["delivery"] or "", "")
    return output.brief(event["at"], day), event["kind"], whom, event["peer"], said
