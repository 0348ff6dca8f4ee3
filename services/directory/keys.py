"""Keys: the DKIM keys of our domains, made, sealed, and handed to whoever signs (``SigningKeys``).

One key signs for each algorithm: a domain may sign with RSA and Ed25519 at once (RFC 8463 5). A rotation takes the
place of the key of its algorithm; the record stays so that mail under way verifies (RFC 6376 3.6.1, and its advice
in 6.3), its private half is forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from services.directory.sealing import Seal
from yubin.accounts.port import ALGORITHMS, Accounts, DkimKey, DkimRecord, Domain, SigningKey
from yubin.auth import dkimkeys
from yubin.errors import Invalid
from yubin.mail.address import canonical_domain


class Keys:
    """Implements ``yubin.accounts.port.SigningKeys``."""

    def __init__(self, accounts: Accounts, seal: Seal, clock: Callable[[], float] = time.time) -> None:
        self._accounts, self._seal, self._clock = accounts, seal, clock

    async def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        try:
            name = canonical_domain(domain)
        except Invalid:
            return ()
        return tuple(self._opened(key) for key in await self._accounts.keys(name))

    async def make(self, domain: str, algorithm: str = "", selector: str = "") -> DkimKey:
        """A key for ``domain``, not yet stored."""
        name = dkimkeys.check_selector(selector or self._month())
        record_name = dkimkeys.record_name(name, domain)
        pair = await asyncio.to_thread(dkimkeys.make, algorithm or ALGORITHMS[0])
        record = DkimRecord(
            selector=name, algorithm=pair.algorithm, name=record_name, text=pair.text, signing=True
        )
        sealed = self._seal.close(pair.private_pem, domain, name)
        return DkimKey(domain=domain, record=record, created=self._clock(), sealed=sealed)

    async def rotate(self, domain: Domain, algorithm: str, selector: str) -> Domain:
        chosen = selector or self._free({record.selector for record in domain.dkim})
        return await self._accounts.add_key(await self.make(domain.name, algorithm, chosen))

    def _month(self) -> str:
        return time.strftime("y%Y%m", time.gmtime(self._clock()))

    def _free(self, used: set[str]) -> str:
        """``y202611``, and for more in one month ``y202611-2``, ``y202611-3``, …"""
        month, n = self._month(), 1
        while (name := month if n == 1 else f"{month}-{n}") in used:
            n += 1
        return name

    def _opened(self, key: DkimKey) -> SigningKey:
        record = key.record
        pem = self._seal.open(key.sealed, key.domain, record.selector)
        return SigningKey(
            domain=key.domain, selector=record.selector, algorithm=record.algorithm, private_pem=pem
        )
