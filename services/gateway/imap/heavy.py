"""How much of what is heavy happens at once in a gateway (CASES H6): searches that read letters, parts that are decoded.

A search that has to read letters takes a place of its account's; when there is none it is refused at once (NO [LIMIT]), so
that one user cannot occupy the pod. Octets that have to lie in memory together, for whoever decodes a large part, wait
for one of few places: a letter is never longer than what APPEND takes, and so their sum is bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from services.gateway.imap.replies import No
from yubin.imap import codes

SEARCHES = 4  # of one account
LARGE = 1024 * 1024  # octets; less is taken without asking
DECODED = 4  # large parts


class Heavy:
    def __init__(self, searches: int = SEARCHES, decoded: int = DECODED) -> None:
        self._most = searches
        self._searching: Counter[str] = Counter()
        self._decoding = asyncio.Semaphore(decoded)

    @contextmanager
    def search(self, account: str) -> Iterator[None]:
        """Raises No [LIMIT]."""
        if self._searching[account] >= self._most:
            raise No("Too many searches at once; try again when one has ended", codes.LIMIT)
        self._searching[account] += 1
        try:
            yield
        finally:
            self._searching[account] -= 1
            if not self._searching[account]:
                del self._searching[account]

    @asynccontextmanager
    async def octets(self, size: int) -> AsyncIterator[None]:
        if size <= LARGE:
            yield
            return
        async with self._decoding:
            yield
