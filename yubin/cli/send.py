"""`yubin send`: one letter, from options, a file or standard input."""

from __future__ import annotations

import base64
import sys
from typing import Any, BinaryIO

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api
from yubin.cli.output import as_json_option, escaped, examples


@click.command(
    epilog=examples(
        'yubin send --from alice@example.org --to bob@example.net --subject Hello --text "How are you?"',
        'echo "How are you?" | yubin send --from alice@example.org --to "Bob <bob@example.net>" --subject Hello',
        "yubin send --from alice@example.org --to bob@example.net --raw letter.eml",
    )
)
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="Of a domain of this system.")
@click.option("--to", multiple=True, metavar="ADDRESS", help="May be given more than once; also --cc, --bcc.")
@click.option("--cc", multiple=True, metavar="ADDRESS")
@click.option("--bcc", multiple=True, metavar="ADDRESS")
@click.option("--subject", default="", metavar="TEXT")
@click.option("--text", metavar="TEXT", help="What it says; else it is read from standard input.")
@click.option(
    "--html",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="The same as HTML, - for standard input.",
)
@click.option(
    "--raw",
    type=click.File("rb"),
    metavar="FILE",
    help="A whole letter with its header, - for standard input.",
)
@click.option("--bulk", is_flag=True, help="Stand behind interactive mail.")
@click.option(
    "--key", metavar="TEXT", help="The same key on the same day is the same letter: repeat without fear."
)
@as_json_option
@pass_api
def send(  # noqa: PLR0913, PLR0917 - one for each option
    api: Api,
    sender: str,
    to: tuple[str, ...],
    cc: tuple[str, ...],
    bcc: tuple[str, ...],
    subject: str,
    text: str | None,
    html: Any,
    raw: BinaryIO | None,
    bulk: bool,
    key: str | None,
    as_json_: bool,
) -> None:
    """Send a letter; prints its tracking number once it is stored safely."""
    if not (to or cc or bcc):
        raise click.UsageError("Name at least one recipient with --to.")
    body: dict[str, Any] = {
        "from": sender,
        "to": to,
        "cc": cc,
        "bcc": bcc,
        "class": "bulk" if bulk else "interactive",
    }
    if raw is not None:
        if subject or text or html:
            raise click.UsageError("--raw is a whole letter: give it without --subject, --text and --html.")
        body["raw"] = base64.b64encode(raw.read()).decode()
    else:
        body |= {"subject": subject, **_texts(text, html)}
    made = api.post("/v1/send", body, headers={"idempotency-key": key} if key else None)
    if as_json_:
        output.as_json(made)
        return
    count = made["recipients"]
    output.say(f"Accepted for {count} recipient{'s' * (count != 1)}: {escaped(made['number'])}")
    output.say(f"Follow it: yubin track {escaped(made['number'])}")


def _texts(text: str | None, html: Any) -> dict[str, str]:
    texts = {"html": html.read()} if html is not None else {}
    if text is None and not texts:
        if sys.stdin.isatty():
            click.echo("Type the letter; end with Ctrl-D on a line of its own.", err=True)
        text = sys.stdin.read()
    return texts | ({"text": text} if text is not None else {})
