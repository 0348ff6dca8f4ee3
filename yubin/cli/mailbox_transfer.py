"""`yubin mailbox import` and `export`: letters in from files, and out to files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from yubin.cli import output
from yubin.cli.client import Api, pass_api
from yubin.cli.mailbox_export import Export, Written
from yubin.cli.mailbox_import import Import, Outcome, told
from yubin.cli.mailbox_progress import progress
from yubin.cli.mailbox_source import FORMATS, Source, sources
from yubin.cli.output import as_json_option, escaped, examples

SOME_SKIPPED, INTERRUPTED = 3, 130


@click.command(
    "import",
    short_help="Import letters from mbox files, Maildirs and single letters.",
    epilog=examples(
        "yubin mailbox import alice@example.org ~/Maildir",
        "yubin mailbox import alice@example.org old.mbox --mailbox Archive/2019",
        "yubin mailbox import alice@example.org letter.eml --mailbox Drafts",
    )
    + "\n\n\b\nExit status: 0 all letters are there, 1 ended early, 2 wrong use,\n"
    "3 some letters were skipped, 130 interrupted.",
)
@click.argument("address")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--mailbox", "name", metavar="NAME", default="", help="Into this one, or below it. It is made if need be."
)
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), default="auto", show_default=True, help="What PATH holds."
)
@click.option("--again", is_flag=True, help="Also letters that an earlier import brought.")
@as_json_option
@pass_api
def import_(api: Api, address: str, path: Path, name: str, kind: str, again: bool, as_json_: bool) -> None:
    """Import letters from PATH: an mbox file, a Maildir with its folders, a letter, or a folder of such.

    An mbox file and the top of a Maildir go into INBOX, its folders into mailboxes of their names; with --mailbox NAME
    into NAME, and folders below NAME. Dates and flags are kept. mboxo is mbox whose ">>From " lines mean themselves.

    Run it again after an interruption: letters that are there are not imported twice (for a week, and not those that
    somebody deleted meanwhile; --again brings them). Nothing in PATH is changed.
    """
    found = sources(path, kind)
    with progress() as shown:
        work = Import(api, address, shown, again=again)
        try:
            work.run(found, name)
        except KeyboardInterrupt:
            _report_import(work.outcome, found, as_json_=as_json_)
            click.echo("Interrupted: run the same command again, and it goes on here.", err=True)
            sys.exit(INTERRUPTED)
    _report_import(work.outcome, found, as_json_=as_json_)
    if work.outcome.skipped:
        sys.exit(SOME_SKIPPED)


@click.command(
    short_help="Export mailboxes as mbox files or as a Maildir.",
    epilog=examples(
        "yubin mailbox export alice@example.org alice/",
        "yubin mailbox export alice@example.org sent.mbox --mailbox Sent",
        "yubin mailbox export alice@example.org ~/alice --format maildir",
    ),
)
@click.argument("address")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--mailbox",
    "names",
    metavar="NAME",
    multiple=True,
    help="This one; may be repeated. All, where none is given.",
)
@click.option("--format", "kind", type=click.Choice(("mbox", "maildir")), default="mbox", show_default=True)
@click.option("--replace", is_flag=True, help="mbox files that exist are written anew.")
@as_json_option
@pass_api
def export(
    api: Api, address: str, path: Path, names: tuple[str, ...], kind: str, replace: bool, as_json_: bool
) -> None:
    """Export mailboxes to PATH, with dates and flags, as other mail programs read them.

    One --mailbox becomes the file (or Maildir) PATH; several, or all, become PATH/NAME.mbox, or the folders of a
    Maildir whose top is INBOX. Importing PATH makes the same mailboxes again. A second export into a Maildir adds only
    what is new.
    """
    with progress() as shown:
        work = Export(api, address, shown, replace=replace)
        written = work.run(path, names, kind)
    for warning in work.warnings:
        click.echo(f"Note: {warning}", err=True)
    _report_export(written, as_json_=as_json_)


def _report_import(outcome: Outcome, found: list[Source], *, as_json_: bool) -> None:
    if as_json_:
        skipped = [{"where": one.where, "why": one.why} for one in outcome.skipped]
        output.as_json({"imported": outcome.brought, "known": outcome.known, "skipped": skipped})
        return
    for line in told(outcome, sum(source.octets for source in found)):
        output.say(line)


def _report_export(written: list[Written], *, as_json_: bool) -> None:
    if as_json_:
        output.as_json([{"mailbox": w.mailbox, "path": str(w.path), "letters": w.letters} for w in written])
        return
    for one in written:
        output.say(f"{escaped(one.mailbox)}: {output.letters(one.letters)} into {escaped(one.path)}")
