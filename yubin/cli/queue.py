"""`yubin queue`: what waits to be delivered, and what may be done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api, segment
from yubin.cli.output import as_json_option, clock, escaped, examples, reply, size, soon, until

F = TypeVar("F", bound=Callable[..., Any])
FILTERS = {
    "domain": "Recipients' domain.",
    "site": "Where the mail goes: domains with the same mail servers share a site.",
    "sender": "Reverse-path.",
    "tenant": "Who owns the sender's domain.",
}
STATES = ("ready", "deferred", "sending", "held", "quarantined")


def filters(command: F) -> F:
    for name, help_ in reversed(FILTERS.items()):
        command = click.option(f"--{name}", metavar="NAME", help=help_)(command)
    return click.option("--state", type=click.Choice(STATES), help="Of the delivery.")(command)


def selecting(command: F) -> F:
    """NUMBER, the filters, --all."""
    command = click.option("--all", "all_", is_flag=True, help="Everything in the queue.")(filters(command))
    return click.argument("number", required=False)(command)


@click.group(
    epilog=examples(
        "yubin queue list --state deferred --domain example.net",
        "yubin queue show 01KAMV3RZS8EHFT8WHT1G37VX4",
        "yubin queue flush --domain example.net      try again now",
        "yubin queue hold --sender alice@example.org",
        "yubin queue cancel 01KAMV3RZS8EHFT8WHT1G37VX4",
    )
)
def queue() -> None:
    """What waits to be delivered. A row is up to 50 recipients of one letter in one domain."""


@queue.command("list")
@filters
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--after", metavar="ROW", help="The page behind this row, as the last line tells.")
@as_json_option
@pass_api
def list_(api: Api, /, limit: int, after: str | None, as_json_: bool, **chosen: str | None) -> None:
    """List what waits, oldest first."""
    found = api.get("/v1/queue", limit=limit, after=after, **chosen)
    if as_json_:
        output.as_json(found)
        return
    if not found["deliveries"]:
        output.say("Nothing waits." if not any(chosen.values()) else "Nothing that waits matches.")
        return
    rows = [_row(d) for d in found["deliveries"]]
    columns = ("Letter", "State", "From", "To", "Tries", "Next try", "Size", "Last reply")
    output.table(columns, rows, stated="State", long=("From", "To"), cut="Last reply")
    if found["next"]:
        output.say(f"\nThere is more: yubin queue list --after {escaped(found['next'])}")


@queue.command()
@click.argument("number")
@as_json_option
@pass_api
def show(api: Api, number: str, as_json_: bool) -> None:
    """Show what waits of one letter, recipient by recipient."""
    found = api.get(f"/v1/queue/{segment(number)}")
    if as_json_:
        output.as_json(found)
        return
    for n, d in enumerate(found["deliveries"]):
        if n:
            output.say()
        _show(d)


def _show(d: dict[str, Any]) -> None:
    output.say(
        f"Row {escaped(d['id'])} of letter {escaped(d['number'])}, {size(d['size'])}, from <{escaped(d['sender'])}>"
    )
    facts = [d["state"], _times("tried", d["attempts"])]
    if d["state"] in {"ready", "deferred"}:
        facts.append(f"next {until(d['due'])}")
    if d["wish"]:
        facts.append(f"to {d['wish']} when this attempt ends")
    if d["in_doubt"]:
        facts.append("in doubt: the last reply never came")
    if d["crashes"]:
        facts.append(_times("lost its worker", d["crashes"]))
    output.say(f"{escaped(d['domain'])} by {escaped(d['site'])}: {escaped(', '.join(facts))}")
    rows = [(r["address"], r["outcome"], clock(r["ended"]), _said(r)) for r in d["recipients"]]
    output.table(
        ("Recipient", "State", "Ended", "Last reply"), rows, stated="State", long=("Recipient", "Last reply")
    )


def _times(what: str, count: int) -> str:
    return f"{what} {count} time{'s' * (count != 1)}"


def _row(d: dict[str, Any]) -> tuple[object, ...]:
    first, more = d["recipients"][0] if d["recipients"] else None, len(d["recipients"]) - 1
    to = (first["address"] if first else d["domain"]) + (f" and {more} more" if more > 0 else "")
    due = soon(d["due"]) if d["state"] in {"ready", "deferred"} else ""
    said = next((_said(r) for r in d["recipients"] if r["code"]), "")
    state = f"{d['state']}, to {d['wish']}" if d["wish"] else d["state"]
    return d["number"], state, d["sender"] or "<>", to, d["attempts"], due, size(d["size"]), said


def _said(recipient: dict[str, Any]) -> str:
    return reply(recipient["code"], recipient["enhanced"], recipient["text"])


@queue.command()
@selecting
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json_option
@pass_api
def cancel(
    api: Api, /, number: str | None, all_: bool, yes: bool, as_json_: bool, **chosen: str | None
) -> None:
    """End deliveries without sending them. Nobody is told."""
    body = _selection(number, all_, chosen)
    if not yes and not number:
        click.confirm("Cancel every delivery that matches?", abort=True)
    _done(api.post("/v1/queue/cancel", body), "cancelled", as_json_)


@queue.command()
@selecting
@as_json_option
@pass_api
def hold(api: Api, /, number: str | None, all_: bool, as_json_: bool, **chosen: str | None) -> None:
    """Keep deliveries until they are flushed. What is held does not expire."""
    _done(api.post("/v1/queue/hold", _selection(number, all_, chosen)), "held", as_json_)


@queue.command()
@selecting
@as_json_option
@pass_api
def flush(api: Api, /, number: str | None, all_: bool, as_json_: bool, **chosen: str | None) -> None:
    """Try deliveries now, and release what was held or quarantined."""
    _done(api.post("/v1/queue/flush", _selection(number, all_, chosen)), "due now", as_json_)


def _selection(number: str | None, all_: bool, chosen: dict[str, str | None]) -> dict[str, Any]:
    given = {name: value for name, value in {"number": number, **chosen}.items() if value}
    if not given and not all_:
        raise click.UsageError("Say which: a tracking number, --domain, --sender, --state …, or --all.")
    return {**given, "all": all_}


def _done(answer: dict[str, Any], what: str, as_json_: bool) -> None:
    if as_json_:
        output.as_json(answer)
        return
    count = answer["deliveries"]
    rows = f"{count} row{'s' * (count != 1)}"
    output.say(f"{rows} {what}." if count else "Nothing that waits matches.")
