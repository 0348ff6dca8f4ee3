"""`yubin outside`: the pretend outside world, and what it received."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from yubin.outside.letters import Envelope, Letters
from yubin.outside.run import World, run
from yubin.runtime.settings import host_port

STORE = Path("yubin-outside")


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int]:
    """``127.0.0.1:5353``; port 0 takes a free one."""
    try:
        return host_port(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}, as in 127.0.0.1:5353") from None


store_option = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    envvar="YUBIN_OUTSIDE_STORE",
    show_envvar=True,
    help="Folder of the letters that it received.",
)
readable = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(invoke_without_command=True)
@click.option(
    "--dns",
    callback=_address,
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Where DNS is answered.",
)
@click.option(
    "--smtp",
    callback=_address,
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Where mail is taken.",
)
@store_option
@click.option(
    "--zone",
    type=click.Path(dir_okay=False, path_type=Path),
    help="More DNS records, a master file (RFC 1035 5); read again when it changes.",
)
@click.option(
    "--tls-cert", type=readable, help="PEM certificate for STARTTLS; without: one that nobody trusts."
)
@click.option("--tls-key", type=readable, help="PEM key of that certificate.")
@click.pass_context
def outside(
    ctx: click.Context,
    *,
    dns: tuple[str, int],
    smtp: tuple[str, int],
    store: Path | None,
    zone: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    """A pretend outside world for this machine: a DNS server and an SMTP server that keeps what it gets.

    Mail sent while `yubin up` runs goes here unless it was started with --internet. Its inhabitants:

    \b
      anybody@accepts.example   takes every letter
      anybody@refuses.example   550 5.1.1, so the sender gets a DSN
      anybody@later.example     451 4.7.1, so the letter waits and is tried again
      anybody@nomail.example    the domain takes no mail (null MX)
      anybody@missing.example   the domain does not exist

    Without a command it serves until Ctrl-C.

    \b
    Examples:
      yubin outside --dns 127.0.0.1:5353 --smtp 127.0.0.1:2525 --store ./outside
      yubin outside list --store ./outside
      yubin outside show 3 --store ./outside
    """  # noqa: D301 - \b is click's, it keeps the lines
    ctx.obj = store
    if ctx.invoked_subcommand is not None:
        return
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together.")
    place = World(dns=dns, smtp=smtp, store=store or STORE, zone=zone, cert=tls_cert, key=tls_key)
    try:
        asyncio.run(run(place, click.echo))
    except OSError as error:
        raise click.ClickException(
            f"cannot serve: {error}. Choose free ports with --dns and --smtp."
        ) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@outside.command("list")
@store_option
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="Only the newest N.")
@click.pass_context
def listing(ctx: click.Context, store: Path | None, last: int) -> None:
    """List what the pretend world received: from, to, subject, when, TLS."""
    kept = list(_letters(ctx, store).all())
    if not kept:
        click.echo("Nothing has arrived yet.")
        return
    table = Table("N", "when (UTC)", "from", "to", "subject", "TLS", box=None)
    for one in kept[-last:]:
        to = ", ".join(one.recipients[:3]) + (
            f" +{len(one.recipients) - 3}" if len(one.recipients) > 3 else ""
        )
        row = [
            str(one.number),
            one.at[:19].replace("T", " "),
            one.sender or "<>",
            to,
            one.subject,
            one.tls or "no",
        ]
        table.add_row(*(_printable(cell) for cell in row))
    _console().print(table)


@outside.command()
@click.argument("number", type=click.IntRange(min=1))
@store_option
@click.option("--raw", is_flag=True, help="Only the letter, octet for octet.")
@click.pass_context
def show(ctx: click.Context, number: int, store: Path | None, *, raw: bool) -> None:
    """Show one letter with its envelope; NUMBER as in `yubin outside list`."""
    letters = _letters(ctx, store)
    try:
        envelope, data = letters.envelope(number), letters.data(number)
    except FileNotFoundError:
        raise click.ClickException(
            f"no letter {number} here; `yubin outside list` tells which there are"
        ) from None
    if raw:
        sys.stdout.buffer.write(data)
        return
    for line in _envelope(envelope):
        click.echo(_printable(line))
    click.echo()
    for text in data.decode("utf-8", "replace").splitlines():
        click.echo(_printable(text))


def _envelope(envelope: Envelope) -> list[str]:
    lines = [
        f"when      {envelope.at}",
        f"peer      {envelope.peer} ({envelope.helo}), {envelope.tls or 'not encrypted'}",
        f"from      <{envelope.sender}> {envelope.parameters}".rstrip(),
    ]
    parameters = envelope.recipient_parameters or ("",) * len(envelope.recipients)
    pairs = zip(envelope.recipients, parameters, strict=False)
    return lines + [f"to        <{address}> {given}".rstrip() for address, given in pairs]


def _letters(ctx: click.Context, store: Path | None) -> Letters:
    folder = store or ctx.obj or STORE
    if not folder.is_dir():
        raise click.ClickException(f"{folder} is no folder; give the one of `yubin outside` with --store")
    return Letters(folder)


def _printable(text: str) -> str:
    """A letter's octets must not drive the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in text)


def _console() -> Console:
    """As wide as need be when another program reads."""
    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 1000)
