"""One process of the system: started, listened to, stopped.

It has a process group of its own, so that Ctrl-C reaches the supervisor alone, which then stops everything in order;
and it is told to stop by the kernel when the supervisor dies, however that died (PR_SET_PDEATHSIG, prctl(2)). Its
environment holds what it was given and nothing of ours beyond a few plain variables.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from yubin.dispatch.link import Broker
from yubin.up.folder import start_time
from yubin.up.logfile import LINE, LogFile, Speaker

PR_SET_PDEATHSIG = 1
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run. It is ready when its gRPC health service on port ``health`` says so, when the ``broker`` lets us

    in, or when ``port`` is open. ``foreign`` says that its lines are not those of a pod.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    health: int | None = None
    broker: Broker | None = None
    port: int | None = None
    foreign: bool = False


class Child:
    """A program that runs. ``ended`` is done when it has, with its exit status."""

    def __init__(self, process: asyncio.subprocess.Process, log: LogFile, speaker: Speaker) -> None:
        self._process = process
        self.pid = process.pid
        self.started = start_time(process.pid)
        self._listener = asyncio.create_task(_listen(process, log, speaker))

    @classmethod
    async def start(cls, program: Program, log: LogFile, speaker: Speaker) -> Child:
        """Raises OSError."""
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *program.command,
            env=environment | {"PYTHONUNBUFFERED": "1"} | dict(program.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
            preexec_fn=_die_with(os.getpid()),
        )
        return cls(process, log, speaker)

    async def ended(self) -> int:
        status = await self._process.wait()
        with contextlib.suppress(TimeoutError):  # a grandchild may hold the pipe open
            async with asyncio.timeout(1):
                await asyncio.shield(self._listener)
        self._listener.cancel()
        return status

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, grace: float) -> None:
        """SIGTERM; SIGKILL when the grace is over."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await self._process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self._process.wait()


def _die_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before prctl
            os._exit(1)

    return prepare


async def _listen(process: asyncio.subprocess.Process, log: LogFile, speaker: Speaker) -> None:
    """Line by line; a line without an end is cut at ``LINE``."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    rest = b""
    while chunk := await process.stdout.read(64 * 1024):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE:
            lines.append(rest)
            rest = b""
        for line in lines:
            log.write(line[:LINE] + b"\n")
            speaker.line(line[:LINE])
    if rest:
        log.write(rest + b"\n")
        speaker.line(rest)
