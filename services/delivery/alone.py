"""Alone: a row that has twice lost its worker is tried in a child process (DESIGN section 3, "Poison").

If the row itself is what kills, only the child dies: nothing is written, its lease runs out, and the ledger quarantines
it at the third loss. A row that merely stood beside another's crash is delivered here like any other. The parent keeps
the accounts (leases, result, metrics); the child gets the claim on stdin and gives the result on stdout, as JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass

import msgspec
import structlog
from prometheus_client import Counter

from services.delivery.attempt import Attempt, AttemptLimits, Content
from services.delivery.config import Settings
from services.delivery.connections import Connections
from services.delivery.leases import Lease
from yubin import ids
from yubin.dns.port import Route
from yubin.errors import Failure
from yubin.objects.open import open_objects
from yubin.queue.open import open_ledger
from yubin.queue.port import Claim, Hold, Ledger, Result, body_name
from yubin.runtime import faults, logs, settings

log = structlog.get_logger()
DIED = Counter("yubin_delivery_poison", "children that died with a letter; the third loss quarantines it")
AFTER = 2  # lost workers, from which on a row is tried alone
MARGIN = 60.0


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What the child is given. ``seconds`` of lease from the moment of writing."""

    claim: Claim
    route: Route
    seconds: float


class ChildDied(Exception):  # noqa: N818 - what happened, in two words
    """Nothing is known of the attempt but what the in-doubt mark says."""


class Alone:
    """One child at a time for each pod: the suspects wait in line."""

    def __init__(self, ledger: Ledger, *, cap: float, command: tuple[str, ...] = ()) -> None:
        self._ledger = ledger
        self._cap = cap
        self._command = command or (sys.executable, "-m", "services.delivery.alone")
        self._turn = asyncio.Semaphore(1)

    async def deliver(self, claim: Claim, route: Route, lease: Lease) -> Result:
        """Raises ChildDied when the child came to no result."""
        async with self._turn:
            await self._extend(lease)
            errand = Errand(claim=claim, route=route, seconds=lease.left())
            lease.marked = (
                True  # from here on it may be in doubt: a stopping pod does not give it back at once
            )
            child = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            try:
                async with asyncio.timeout(self._cap + MARGIN / 2):
                    out, _ = await child.communicate(msgspec.json.encode(errand))
            except TimeoutError:
                out = b""
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
            try:
                return self._read(claim, child.returncode or 0, out)
            except ChildDied:
                await self._let_go(lease)
                raise

    async def _let_go(self, lease: Lease) -> None:
        """The lease was meant for a whole attempt; nobody needs it now, and its end is what counts the loss."""
        try:
            await self._ledger.renew([lease.hold], lease=1.0)
        except Failure as failure:
            log.warning("A lease could not be shortened.", action="poison", why=failure.text)

    async def _extend(self, lease: Lease) -> None:
        """The child cannot renew: it gets the whole attempt's time at once."""
        seconds, sent_at = self._cap + MARGIN, lease.clock()
        if (await self._ledger.renew([lease.hold], lease=seconds))[0]:
            lease.until = sent_at + seconds

    def _read(self, claim: Claim, code: int, out: bytes) -> Result:
        number = ids.number(claim.message.id)
        try:
            if code == 0:
                return msgspec.json.decode(out, type=Result)
        except msgspec.DecodeError:
            code = -1
        DIED.inc()
        log.error(
            "A letter killed the process that sent it alone.", action="poison", message=number, code=code
        )
        raise ChildDied(number)


async def errand(config: Settings, given: Errand, *, began: float) -> Result:
    """The child's whole work; ``began`` on the monotonic clock, when the errand was read."""
    faults.point("alone.attempt")
    ledger = await open_ledger(config.ledger_url)
    objects = await open_objects(config.objects_url)
    connections = Connections(
        hostname=config.hostname, port=config.smtp_port, per_site=1, connect_timeout=config.connect_timeout
    )
    claim, message = given.claim, given.claim.message
    hold = Hold(delivery_id=claim.delivery_id, epoch=claim.epoch)

    async def mark() -> bool:
        return (await ledger.mark_in_doubt([hold]))[0]

    def left() -> float:
        return began + given.seconds - time.monotonic()

    try:
        body = claim.body if claim.body is not None else await objects.get(body_name(message.id))
        content = Content(body=body, body_type=message.body_type, utf8=message.utf8, size=message.size)
        attempt = Attempt(connections, limits=AttemptLimits(total=config.attempt_cap))
        return await attempt.deliver(claim, content, given.route, mark=mark, lease_left=left)
    finally:
        await connections.close()
        await ledger.close()
        await objects.close()


def main() -> None:
    """Reads an Errand, writes a Result."""
    config = settings.load(Settings)
    logs.setup("delivery", "alone", config.log_level)
    faults.arm(config.fault)
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Errand)
    result = asyncio.run(errand(config, given, began=time.monotonic()))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
