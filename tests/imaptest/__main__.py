"""python -m tests.imaptest: see the package's docstring."""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import click

from tests.imaptest.game import ROOM, Killing, Score, killer, play
from tests.servers.postgres import Postgres, postgres


@click.command()
@click.argument("host", default="")
@click.argument("port", type=int, default=0)
@click.option("--user", default="alice@demo.example", show_default=True)
@click.option("--password", default="")
@click.option("--ca", type=click.Path(exists=True), help="PEM file that the certificate is checked against")
@click.option("--clear", is_flag=True, help="without TLS")
@click.option("--clients", default=50, show_default=True)
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--kill", is_flag=True, help="SIGKILL of mailbox and gateway in turn, of a town of its own")
@click.option(
    "--postgresql", is_flag=True, help="that town's mailboxes in PostgreSQL, which --kill kills too"
)
@click.option("--waiting", default=0, show_default=True, help="of the clients, those that only idle")
@click.option("--every", default=4.0, show_default=True, help="seconds between two kills")
@click.option(
    "--pause", default=0.05, show_default=True, help="mean seconds between two commands of a client"
)
@click.option("--seed", type=int, default=None)
def main(
    host, port, user, password, ca, clear, clients, seconds, kill, postgresql, waiting, every, pause, seed
) -> None:
    """Without HOST and PORT a town is started for it. Exit code 1 when something contradicts itself."""
    seed = int(time.time()) if seed is None else seed
    how = {"clients": clients, "seconds": seconds, "pause": pause, "seed": seed, "waiting": waiting}
    if host:
        context = None if clear else ssl.create_default_context(cafile=ca)
        score = asyncio.run(play(host, port, context, user, password, **how))
    else:
        with postgres() if postgresql else nullcontext() as database:
            score = _in_a_town(every if kill else 0.0, database, how)
    print(f"seed {seed}: {score.line()}", *score.wrong, sep="\n", flush=True)
    sys.exit(1 if score.wrong else 0)


def _in_a_town(every: float, database: Postgres | None, how) -> Score:
    from tests.e2e.conftest import QUICK
    from tests.e2e.town import town

    where = f'mailboxes_url = "{database.fresh()}"\n' if database else ""
    with (
        tempfile.TemporaryDirectory(prefix="yubin-imaptest-") as folder,
        town(Path(folder) / "state", where + QUICK + ROOM) as made,
    ):
        context = ssl.create_default_context(cafile=made.ca)
        server = ("localhost", made.ports["imaps"], context, "alice@demo.example", made.password())
        return asyncio.run(play(*server, killing=_killing(made.kill, every, database), **how))


def _killing(kill: Callable[[str], None], every: float, database: Postgres | None) -> Killing | None:
    if not every:
        return None
    if database is None:
        return Killing(kill=kill, every=every)
    return Killing(kill=killer(kill, database), victims=("mailbox", "postgresql", "gateway"), every=every)


if __name__ == "__main__":
    main()
