"""`yubin up`: a whole system on this machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec

from yubin.errors import Failure


@click.command()
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="Settings, TOML; see --keys."
)
@click.option("--demo", is_flag=True, help="A domain with two accounts, and a pretend outside world.")
@click.option(
    "--internet", is_flag=True, help="With --demo: no pretend world, mail leaves this machine for real."
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder of all that is kept.",
)
@click.option(
    "--port-base",
    type=click.IntRange(1024, 64000),
    metavar="N",
    help="Ports are N + 587, N + 465, …; 10000 if not given.",
)
@click.option("--keys", is_flag=True, help="List what FILE may contain, and end.")
def up(
    *, file: Path | None, demo: bool, internet: bool, state: Path | None, port_base: int | None, keys: bool
) -> None:
    """Start a whole system on this machine: nats-server and every pod, each a process of its own.

    It says when all is ready and what to type into a mail program, starts again what dies, and stops in order on
    Ctrl-C. Everything is kept in one folder. Listens on this machine only, unless FILE says otherwise.

    \b
    Examples:
      yubin up --demo --state ./state
      yubin up --config yubin.toml
      yubin up --demo --state /tmp/second --port-base 20000
    """  # noqa: D301 - \b is click's, it keeps the lines
    # Before grpc is first imported: processes are started while it runs here, and its fork handlers would complain.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    from yubin.up import config as configuration
    from yubin.up import ports, programs
    from yubin.up.demo import POSTMASTER
    from yubin.up.folder import Folder
    from yubin.up.run import Order
    from yubin.up.run import up as bring_up

    if keys:
        _print_keys(configuration.keys())
        return
    if file is None and not demo:
        raise click.UsageError("give --config FILE, or --demo to look around")
    if internet and not demo:
        raise click.UsageError("--internet goes with --demo; without --demo mail always leaves for real")
    try:
        config = (
            configuration.load(file)
            if file
            else configuration.resolved(configuration.Config(), Path.cwd(), "defaults")
        )
        changes: dict[str, object] = {}
        if state is not None:
            changes["state"] = str(state)
        if port_base is not None:
            changes["port_base"] = port_base
        if demo and not config.postmaster:
            changes["postmaster"] = POSTMASTER
        config = configuration.resolved(
            msgspec.structs.replace(config, **changes), Path.cwd(), "the command line"
        )
        house = programs.House(
            config=config,
            folder=Folder(Path(config.state)),
            ports=ports.of(config),
            pretend=demo and not internet,
        )
        asyncio.run(bring_up(Order(house=house, people=demo), click.echo))
    except Failure as failure:
        raise click.ClickException(failure.text) from failure


def _print_keys(rows: list[tuple[str, str, str]]) -> None:
    for name, default, about in rows:
        click.echo(f"# {about}")
        click.echo(f"{name} = {default}" if name != "pods" else "# [pods.delivery]\n# slots = 200")
