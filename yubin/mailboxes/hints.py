"""News of a mailbox on core NATS: ``mailbox.<account>.<mailbox id>`` after each commit that changed it.

A hint may be lost, late or repeated; it only says that looking is worth it (a gateway also compares MODSEQs now and
then). ``publish`` never raises and never waits: what cannot be sent at once is dropped. ``NatsHints`` has one connection
for both directions and one subscription for each account that somebody watches; ``MemoryHints`` is the fake.
``modseq`` and ``uidnext`` are 0 where the change did not tell them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SUBJECT = "mailbox"


@dataclass(frozen=True, kw_only=True)
class Hint:
    account: str
    mailbox_id: int
    modseq: int = 0
    uidnext: int = 0


Watcher = Callable[[Hint], None]


class Hints(Protocol):
    def publish(self, account: str, mailbox_id: int, modseq: int, uidnext: int) -> None:
        """Never raises, never waits."""

    def watch(self, account: str, watcher: Watcher) -> Callable[[], None]:
        """Calls ``watcher`` with each hint about the account, until what this returns is called."""

    async def close(self) -> None: ...


class Watchers:
    """Who watches which account; ``first`` and ``last`` are called when an account gets a watcher and has none any more."""

    def __init__(
        self,
        first: Callable[[str], None] = lambda _account: None,
        last: Callable[[str], None] = lambda _account: None,
    ) -> None:
        self._first, self._last = first, last
        self._by_account: dict[str, dict[object, Watcher]] = defaultdict(dict)

    def add(self, account: str, watcher: Watcher) -> Callable[[], None]:
        key = object()
        mine = self._by_account[account]
        mine[key] = watcher
        if len(mine) == 1:
            self._first(account)

        def leave() -> None:
            if mine.pop(key, None) is not None and not mine:
                del self._by_account[account]
                self._last(account)

        return leave

    def tell(self, hint: Hint) -> None:
        for watcher in list(self._by_account.get(hint.account, {}).values()):
            watcher(hint)

    def watched(self, account: str) -> bool:
        return account in self._by_account

    def accounts(self) -> list[str]:
        return list(self._by_account)


class MemoryHints:
    """Within one process; ``published`` remembers the last few."""

    def __init__(self) -> None:
        self.published: deque[Hint] = deque(maxlen=1000)
        self._watchers = Watchers()

    def publish(self, account: str, mailbox_id: int, modseq: int, uidnext: int) -> None:
        hint = Hint(account=account, mailbox_id=mailbox_id, modseq=modseq, uidnext=uidnext)
        self.published.append(hint)
        self._watchers.tell(hint)

    def watch(self, account: str, watcher: Watcher) -> Callable[[], None]:
        return self._watchers.add(account, watcher)

    async def close(self) -> None:
        return
