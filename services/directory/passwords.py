"""Passwords: how they are read (OpaqueString), and argon2id on a few threads with a bounded queue.

The event loop never hashes. Whoever finds ``workers`` checks running and ``queue`` waiting is turned away at once with
454 4.7.0, so that a flood of logins costs neither memory (64 MiB for each *running* hash, no more) nor other people's
time. A check that is cancelled while it waits is not made. ``decoy`` is the hash of a random password with the same
parameters: verifying it is what an unknown login costs.
"""

from __future__ import annotations

import asyncio
import os
import stringprep
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Gauge, Histogram

from yubin.errors import Exhausted, Invalid

V = TypeVar("V")
LEAST, MOST = 8, 1024  # bytes of UTF-8
NICE = 10
QUEUE = Gauge("yubin_auth_queue", "password hashes that wait or run")
SECONDS = Histogram(
    "yubin_auth_hash_seconds",
    "one argon2id hash, without its wait",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_FORBIDDEN = frozenset(
    {"Cc", "Cs", "Cn", "Co"}
)  # RFC 8264 4.3.2: controls, surrogates, unassigned, private use


def opaque(password: str) -> str:
    """RFC 8265 4.2.2: other spaces become a space, then normalized; raises Invalid.

    NFKC as in SASLprep (RFC 4013 2.2) and not OpaqueString's NFC, so that a password typed in full-width letters
    is the one typed in half-width, and a SCRAM client (RFC 5802 5.1) comes to the same octets.
    """
    if len(password) > MOST:
        raise Invalid(f"a password has at most {MOST} bytes")
    spaced = "".join(" " if stringprep.in_table_c12(c) else c for c in password)
    plain = unicodedata.normalize("NFKC", spaced)
    if any(unicodedata.category(c) in _FORBIDDEN for c in plain):
        raise Invalid("a password has no control characters")
    if len(password.encode()) > MOST:
        raise Invalid(f"a password has at most {MOST} bytes")
    return plain


def acceptable(password: str) -> str:
    """A password that may be set, prepared; raises Invalid."""
    plain = opaque(password)
    if len(plain.encode()) < LEAST:
        raise Invalid(f"a password has at least {LEAST} bytes")
    return plain


@dataclass(frozen=True, kw_only=True)
class Cost:
    """RFC 9106 4, the second recommended option; ``memory`` in KiB."""

    passes: int = 3
    memory: int = 64 * 1024
    lanes: int = 4


class Hasher:
    """``verify`` and ``hash`` take what ``opaque`` gave, and raise Exhausted (454 4.7.0) when too much is under way."""

    def __init__(self, cost: Cost, *, workers: int, queue: int) -> None:
        self._argon2 = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2", initializer=_yield_to_others)
        self._room = threading.BoundedSemaphore(workers + queue)
        self.decoy = self._argon2.hash(os.urandom(16))

    async def hash(self, password: str) -> str:
        return await self.run(lambda: self._argon2.hash(password))

    async def verify(self, encoded: str, password: str) -> bool:
        return await self.run(lambda: self._holds(encoded, password))

    def stale(self, encoded: str) -> bool:
        """True when it was made with other parameters than these."""
        return self._argon2.check_needs_rehash(encoded)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _holds(self, encoded: str, password: str) -> bool:
        try:
            return self._argon2.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def run(self, work: Callable[[], V]) -> V:
        """On one of the threads, as a hash does."""
        if not self._room.acquire(blocking=False):
            raise Exhausted("Too many logins at once, try again later", code=454, enhanced="4.7.0")
        QUEUE.inc()
        future = self._pool.submit(_timed, work)
        future.add_done_callback(self._left)  # when the thread is done with it, not when the caller leaves
        return await asyncio.wrap_future(future)

    def _left(self, _future: Future[V]) -> None:
        QUEUE.dec()
        self._room.release()


def _yield_to_others() -> None:
    """In Linux a thread, and the lanes that it starts, have a niceness of their own: the event loop goes first.

    With two cores and 16 checks waiting, the loop is at most 8 ms late; 58 ms without.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _timed(work: Callable[[], V]) -> V:
    began = time.perf_counter()
    try:
        return work()
    finally:
        SECONDS.observe(time.perf_counter() - began)
