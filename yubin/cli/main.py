"""The `yubin` command. Each group lies in a module of its own and is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from yubin.cli.client import Api, find

VERSION = "0.1.0"

COMMANDS = {  # name: (module, what --help says)
    "up": ("yubin.cli.up", "Start a whole system on this machine."),
    "outside": ("yubin.cli.outside", "A pretend outside world, to send mail to."),
    "tenant": ("yubin.cli.tenant", "Tenants: who owns domains."),
    "domain": ("yubin.cli.domain", "Domains, and their DKIM records to publish."),
    "user": ("yubin.cli.user", "Accounts: who may log in and send."),
    "alias": ("yubin.cli.alias", "Addresses that stand for others."),
    "send": ("yubin.cli.send", "Send a letter."),
    "mailbox": ("yubin.cli.mailbox", "What is in an account's mailboxes; search, import and export."),
    "track": ("yubin.cli.track", "Follow a letter by its tracking number."),
    "queue": ("yubin.cli.queue", "What waits to be delivered; cancel, hold, flush."),
}


class Lazy(click.Group):
    """A group that knows its commands' names and help, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "\b\nA running system is found\n"
        "  by --api, --token-file and --ca,\n"
        "  else by YUBIN_API, YUBIN_API_TOKEN_FILE and YUBIN_API_CA,\n"
        "  else by what `make run` left in ./state (or in YUBIN_STATE).\n\n"
        "Begin with `make run`, then: yubin user list; yubin send --help; yubin track NUMBER."
    ),
)
@click.option("--api", metavar="URL", help="Where the api is. Also YUBIN_API.")
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the token. Also YUBIN_API_TOKEN_FILE.",
)
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Certificate authority to trust. Also YUBIN_API_CA.",
)
@click.version_option(VERSION, message="yubin %(version)s")
@click.pass_context
def main(ctx: click.Context, api: str | None, token_file: Path | None, ca: Path | None) -> None:
    """Yubin, a mail system for Kubernetes: run it, set it up, send, and follow letters."""
    ctx.obj = Api(lambda: find(api, token_file, ca))
    ctx.call_on_close(ctx.obj.close)


if __name__ == "__main__":
    main(prog_name="yubin")
