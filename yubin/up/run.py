"""`yubin up`: the whole system on this machine, until Ctrl-C or SIGTERM.

    lock the state folder, end what a dead supervisor left, see that the ports are free
    make certificates and secrets
    start nats-server (and the pretend world), then all pods at once; wait until they are ready
    demo: domain, accounts, zone
    say how to use it, and keep it running
    stop in order; a second Ctrl-C kills

``run.json`` says at any time what runs and whether all of it is ready.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from yubin.cli.client import Connection
from yubin.runtime.certificates import make_ca
from yubin.up import demo, guide, health
from yubin.up.folder import Folder, write
from yubin.up.logfile import LogFile
from yubin.up.ports import check_free
from yubin.up.programs import STAGES, House, foundation, listeners, pods, renew
from yubin.up.supervisor import Supervisor

RENEWAL = 12 * 3600.0  # how often certificates are looked at


@dataclass(frozen=True, kw_only=True)
class Order:
    """``people``: make the demo domain and its accounts."""

    house: House
    people: bool


async def up(order: Order, show: Callable[[str], None]) -> None:
    """Raises yubin.errors.Failure or Refused for what a person can mend; returns when stopped."""
    folder = order.house.folder
    folder.open()
    try:
        if left := folder.end_leftovers():
            show(f"Ended {left} processes that an earlier start had left behind.")
        check_free(listeners(order.house))
        await _System(order, show).live()
    finally:
        folder.close()


class _System:
    def __init__(self, order: Order, show: Callable[[str], None]) -> None:
        self._order, self._house, self._show = order, order.house, show
        self._folder: Folder = order.house.folder
        self._told = False  # the demo is set up, and people were told
        self._stop = asyncio.Event()
        self._supervisor = Supervisor(
            log=lambda name: LogFile(self._folder / "log" / f"{name}.log"),
            show=show,
            probe=health.ready,
            changed=self._write_status,
        )

    async def live(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop)
        begin = asyncio.create_task(self._begin(), name="begin")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        renew = asyncio.create_task(self._renew(), name="renew")
        try:
            await asyncio.wait({begin, stop}, return_when=asyncio.FIRST_COMPLETED)
            if begin.done():
                begin.result()
            await self._stop.wait()
        finally:
            for task in (begin, stop, renew):
                task.cancel()
            await asyncio.gather(begin, stop, renew, return_exceptions=True)
            await self._end()

    async def _begin(self) -> None:
        house = self._house
        make_ca(self._folder / "certificates")
        self._folder.secret("api-token")
        self._show("Starting; everything that happens is in " + str(self._folder / "log"))
        await self._supervisor.start(foundation(house))
        await self._supervisor.start(pods(house))
        connection = self._connection()
        people = demo.accounts(self._folder) if self._order.people else []
        if people:
            domain = await asyncio.to_thread(demo.prepare, connection, people)
            if house.pretend:
                demo.publish(domain, self._folder / "outside.zone")
        self._told = True
        self._write_status()
        self._show(guide.ready(house, people, ca=str(connection.ca or "")))

    async def _end(self) -> None:
        """In order, each with the grace that the pods know of and a little more."""
        self._told = False
        if self._supervisor.places:
            self._show("Stopping: what is on the wire is finished. Ctrl-C again kills.")
        await self._supervisor.stop(STAGES, self._house.config.grace + 5)
        self._write_status()
        self._show("Stopped.")

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._supervisor.kill()
        self._stop.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL)
            for name in renew(self._house):
                self._show(f"{name} has a new certificate and starts afresh.")
                await self._supervisor.afresh(name, self._house.config.grace + 5)

    def _connection(self) -> Connection:
        """Our way to the api, written down for the command too."""
        house = self._house
        ca = None if house.config.certificate else self._folder / "certificates" / "ca.pem"
        token = self._folder / "secrets" / "api-token"
        host = house.config.hostname if house.config.certificate else "localhost"
        lines = [f'api = "https://{host}:{house.ports.api}"', f'token_file = "{token}"']
        lines += [f'ca = "{ca}"'] if ca else []
        write(self._folder / "cli.toml", "\n".join(lines) + "\n", 0o600)
        return Connection(
            api=f"https://{host}:{house.ports.api}", token=self._folder.secret("api-token"), ca=ca
        )

    def _write_status(self) -> None:
        places = self._supervisor.places
        processes = {
            name: {
                "pid": place.child.pid,
                "started": place.child.started,
                "ready": place.ready.is_set(),
                "restarts": place.restarts,
            }
            for name, place in places.items()
            if place.child is not None
        }
        self._folder.write_status(
            {
                "pid": os.getpid(),
                "ready": self._told and all(place.ready.is_set() for place in places.values()),
                "ports": self._house.ports.named(),
                "processes": processes,
            }
        )
