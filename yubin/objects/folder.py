"""Objects in a local folder, durable on return: temporary file, fsync, rename, fsync of the folder.

obstore's LocalStore does not fsync, so this one is ours. Each object lies in one of 256 sub-folders by the last two
characters of its name (ids are sorted by time; their tails are random). Writes run in threads; a temporary file that a
crash left is as old as any object and is swept with them. When a sync fails, what the kernel held may be gone although a
second sync would succeed: the folder is then lost to this process, which answers Unavailable and reports itself unready
until it is restarted (CASES A10). A full disk passes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import structlog

from yubin.errors import Failure, NotFound, Unavailable
from yubin.objects.names import checked

log = structlog.get_logger()
T = TypeVar("T")
TIMEOUT = 25.0  # CASES A5: a client hears 451 within 30 s
FULL = {errno.ENOSPC, errno.EDQUOT}


class FolderObjects:
    """``root`` is made if it is missing. ``clock`` in seconds, compared with file times."""

    def __init__(
        self, root: Path, *, clock: Callable[[], float] = time.time, timeout: float = TIMEOUT
    ) -> None:
        self._root = root
        self._clock = clock
        self._timeout = timeout
        self._lost = False
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        try:
            await self._in_thread(lambda: _write(path, data))
        except NotFound as cause:  # the folder went while it was written: never a permanent failure
            raise Unavailable("the object store has trouble") from cause

    async def get(self, name: str) -> bytes:
        path = self._path(name)
        return await self._in_thread(path.read_bytes)

    async def part(self, name: str, offset: int, length: int) -> bytes:
        path = self._path(name)
        return await self._in_thread(lambda: _part(path, offset, length))

    async def delete(self, name: str) -> None:
        path = self._path(name)
        await self._in_thread(lambda: path.unlink(missing_ok=True))

    async def older_than(self, prefix: str, seconds: float) -> AsyncIterator[str]:
        limit = self._clock() - seconds
        for folder in sorted(self._root.glob("??")):
            for name in await self._in_thread(lambda folder=folder: _old(folder, limit)):  # type: ignore[misc]
                if name.startswith(prefix):
                    yield name

    async def ping(self) -> None:
        await self._in_thread(self._root.stat)

    async def close(self) -> None:
        return

    def _path(self, name: str) -> Path:
        flat = checked(name).replace("/", "~")
        return self._root / flat[-2:].rjust(2, "_").replace("~", "_") / flat

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._lost:
            raise Unavailable("the object store has trouble")
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.to_thread(work)
        except _SyncFailed as cause:
            self._lost = self._lost or cause.errno not in FULL
            raise _failure(cause) from cause
        except FileNotFoundError as cause:
            if not self._root.is_dir():  # a disk that is not mounted says nothing about its letters
                raise _failure(cause) from cause
            raise NotFound("no such object") from None
        except TimeoutError as cause:
            raise Unavailable("the object store does not answer") from cause
        except OSError as cause:
            raise _failure(cause) from cause


class _SyncFailed(OSError):  # noqa: N818 - internal
    """What was written may be gone."""


def _failure(cause: OSError) -> Failure:
    log.error("The folder of objects has trouble.", action="objects", why=os.strerror(cause.errno or 0))
    if cause.errno in FULL:
        return Unavailable("the system's storage is full", code=452, enhanced="4.3.1")
    return Unavailable("the object store has trouble")


def _part(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _write(path: Path, data: bytes) -> None:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(path.parent.parent)
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            _sync(file.fileno())
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(fd)
    finally:
        os.close(fd)


def _sync(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as cause:
        raise _SyncFailed(cause.errno, cause.strerror) from cause


def _old(folder: Path, limit: float) -> list[str]:
    """Names last written before ``limit``; drafts that a crash left are removed on the way."""
    names = []
    for entry in os.scandir(folder):
        try:
            if entry.stat().st_mtime >= limit:
                continue
        except FileNotFoundError:
            continue
        if "." in entry.name:
            Path(entry.path).unlink(missing_ok=True)
        else:
            names.append(entry.name.replace("~", "/"))
    return sorted(names)
