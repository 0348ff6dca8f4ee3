"""Keeps processes running: starts them, waits until they are ready, starts again what died, stops them in order.

One task owns each process. A process that dies is started again after a pause (``backoff``); one that was ready and
then is not for ``UNREADY`` seconds has hung or lost its database for good, and is stopped so that it starts afresh. One
that ends with status 2 before it was ever ready has wrong settings: starting it again would not help, and the start as a
whole is given up.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from yubin.errors import Unavailable
from yubin.up.backoff import Backoff
from yubin.up.child import Child, Program
from yubin.up.logfile import LogFile, Speaker

WRONG_SETTINGS = 2
SOON, SELDOM = 0.1, 5.0  # seconds between questions while it starts, and later
UNREADY = 60.0
START_PATIENCE = 120.0

Show = Callable[[str], None]


@dataclass(kw_only=True)
class Place:
    """One program's place: what runs there now, and how it has fared."""

    program: Program
    child: Child | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: int = 0
    was_ready: bool = False
    stopping: bool = False
    task: asyncio.Task[None] | None = None


class Supervisor:
    """``probe`` answers whether a program is ready; ``changed`` is called when the status did."""

    def __init__(
        self,
        *,
        log: Callable[[str], LogFile],
        show: Show,
        probe: Callable[[Program], Awaitable[bool]],
        changed: Callable[[], None],
    ) -> None:
        self._log, self._show, self._probe, self._changed = log, show, probe, changed
        self.places: dict[str, Place] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, programs: Sequence[Program]) -> None:
        """Returns when all are ready; raises Unavailable when one cannot start."""
        for program in programs:
            place = self.places[program.name] = Place(program=program)
            place.task = asyncio.create_task(self._keep(place), name=f"keep {program.name}")
        ready = asyncio.create_task(self._all_ready(programs))
        try:
            await asyncio.wait(
                {ready, self.failed}, timeout=START_PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ready.cancel()
        if self.failed.done():
            self.failed.result()
        if not ready.done():
            slow = [p.name for p in programs if not self.places[p.name].ready.is_set()]
            raise Unavailable(
                f"not ready after {START_PATIENCE:.0f} s: {', '.join(slow)}; their logs may say why"
            )

    async def _all_ready(self, programs: Sequence[Program]) -> None:
        for program in programs:
            await self.places[program.name].ready.wait()

    async def stop(self, stages: Sequence[Sequence[str]], grace: float) -> None:
        """Stage after stage; what is in none of them is not stopped."""
        for stage in stages:
            places = [self.places[name] for name in stage if name in self.places]
            await asyncio.gather(*(self._stop(place, grace) for place in places))

    async def afresh(self, name: str, grace: float) -> None:
        """One program ends in peace and starts again; returns when it is ready."""
        place = self.places[name]
        if place.child is not None:
            await place.child.stop(grace)
            place.ready.clear()
        await place.ready.wait()

    def kill(self) -> None:
        """Everything, now."""
        for place in self.places.values():
            place.stopping = True
            if place.child is not None:
                place.child.send(signal.SIGKILL)

    async def _stop(self, place: Place, grace: float) -> None:
        place.stopping = True
        if place.child is not None:
            await place.child.stop(grace)
        if place.task is not None:
            place.task.cancel()
            await asyncio.gather(place.task, return_exceptions=True)
        self._changed()

    async def _keep(self, place: Place) -> None:
        backoff = Backoff()
        speaker = Speaker(place.program.name, self._show, foreign=place.program.foreign)
        log = self._log(place.program.name)
        try:
            while not place.stopping:
                backoff.started(time.monotonic())
                status = await self._once(place, log, speaker)
                if place.stopping:
                    return
                if status == WRONG_SETTINGS and not place.was_ready:
                    self._give_up(place, "does not take its settings; its lines above and its log say why")
                    return
                pause = backoff.died(time.monotonic())
                self._show(f"{place.program.name:<11} ended ({_how(status)}); starts again in {pause:.0f} s")
                await asyncio.sleep(pause)
                place.restarts += 1
        except OSError as error:  # there is no such program, or no more processes
            self._give_up(place, f"cannot be started: {error.strerror}")
        finally:
            log.close()

    async def _once(self, place: Place, log: LogFile, speaker: Speaker) -> int:
        """One life of the process; its exit status."""
        place.child = await Child.start(place.program, log, speaker)
        self._changed()
        watch = asyncio.create_task(self._watch(place))
        try:
            return await place.child.ended()
        finally:
            watch.cancel()
            place.child = None
            place.ready.clear()
            self._changed()

    async def _watch(self, place: Place) -> None:
        """Keeps ``ready`` true to what the process says."""
        since = time.monotonic()
        while True:
            if await self._probe(place.program):
                since = time.monotonic()
                if not place.ready.is_set():
                    place.was_ready = True
                    place.ready.set()
                    self._changed()
                if place.program.health is None:
                    return  # nothing more to ask: it runs, or it ends
            elif place.ready.is_set():
                place.ready.clear()
                self._changed()
            elif place.was_ready and time.monotonic() - since > UNREADY and place.child is not None:
                self._show(
                    f"{place.program.name:<11} has not been ready for {UNREADY:.0f} s; it is stopped to start afresh"
                )
                await place.child.stop(UNREADY / 6)
            await asyncio.sleep(SELDOM if place.ready.is_set() else SOON)

    def _give_up(self, place: Place, why: str) -> None:
        if not self.failed.done():
            self.failed.set_exception(Unavailable(f"{place.program.name} {why}"))


def _how(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
