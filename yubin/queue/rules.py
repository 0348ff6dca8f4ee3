"""The ledger's arithmetic, shared by its adapters: who is told what, when the next attempt is, who is next in turn.

Notify bits are RFC 3461 4.1's keywords. ``tell`` is what we ourselves owe the sender: nothing to the null reverse-path
(RFC 5321 4.5.5), nothing after NEVER, failures and delays when nothing was asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TypeVar

from yubin.queue.port import Backoff, EventKind, Letter, Message, Outcome, ReportKind

T = TypeVar("T")
NULL_SENDER_TERM = 2 * 86400.0  # DESIGN section 3: two days for the null reverse-path
EXPIRED_CODE, EXPIRED_ENHANCED = 554, "5.4.7"  # RFC 3463 3.5: delivery time expired
INBOUND = "inbound"  # the class of letters that mx accepted for mailboxes, and its beginning
INBOUND_TERM = 10 * 365 * 86400.0  # they wait for the mailbox, or for the operator, and do not expire
QUARANTINED_TEXT = "waits for the operator: release or cancel it"
CANCELLED_CODE, CANCELLED_ENHANCED, CANCELLED_TEXT = 554, "5.7.0", "cancelled on request"
BODY_GRACE = 60.0  # a body outlives its last recipient by so many seconds
TENANTS_IN_TURN = 64  # looked at for one site in one claim
LEASES_AT_ONCE = 200  # rows that lost their worker, taken back in one claim

NEVER, SUCCESS, FAILURE, DELAY = 1, 2, 4, 8
_BITS = {"NEVER": NEVER, "SUCCESS": SUCCESS, "FAILURE": FAILURE, "DELAY": DELAY}
_SETS = {
    bits: frozenset(name for name, bit in _BITS.items() if bits & bit)
    for bits in range(NEVER | SUCCESS | FAILURE | DELAY)
} | {15: frozenset(_BITS)}
SUCCESSES = frozenset((Outcome.DELIVERED, Outcome.RELAYED))
EVENT_OF: dict[Outcome, EventKind] = {
    Outcome.PENDING: EventKind.DEFERRED,
    Outcome.DELIVERED: EventKind.DELIVERED,
    Outcome.RELAYED: EventKind.RELAYED,
    Outcome.BOUNCED: EventKind.BOUNCED,
    Outcome.EXPIRED: EventKind.EXPIRED,
    Outcome.CANCELLED: EventKind.CANCELLED,
    Outcome.QUARANTINED: EventKind.QUARANTINED,
}
REPORT_OF: dict[Outcome, ReportKind] = {
    Outcome.PENDING: ReportKind.DELAYED,
    Outcome.DELIVERED: ReportKind.DELIVERED,
    Outcome.RELAYED: ReportKind.RELAYED,
    Outcome.BOUNCED: ReportKind.FAILED,
    Outcome.EXPIRED: ReportKind.FAILED,
}


def notify_bits(notify: Iterable[str]) -> int:
    return sum({_BITS[name] for name in notify})


def notify_set(bits: int) -> frozenset[str]:
    return _SETS[bits]


def tell_bits(sender: str, notify: int) -> int:
    if not sender or notify & NEVER:
        return 0
    return notify or FAILURE | DELAY


def owes(tell: int, outcome: Outcome, peer: str) -> bool:
    """Whether this end of a recipient is to be reported.

    A peer that announces DSN has taken over the duty to report success (RFC 3461 5.2.1), so that DELIVERED is ours
    to report only where nobody stands behind us.
    """
    if outcome in (Outcome.BOUNCED, Outcome.EXPIRED):
        return bool(tell & FAILURE)
    return bool(tell & SUCCESS) and (
        outcome is Outcome.RELAYED or (outcome is Outcome.DELIVERED and not peer)
    )


def term(message: Message) -> float:
    """Seconds from acceptance to expiry."""
    if message.klass.startswith(INBOUND):
        return INBOUND_TERM
    return message.expires_in if message.sender else min(message.expires_in, NULL_SENDER_TERM)


def alarm(created: float, expires: float, tells: Iterable[int], delay_notice: float) -> float:
    """When a waiting row next wants attention for its age: the delay notice if one may be owed, else its expiry."""
    return min(expires, created + delay_notice) if any(tell & DELAY for tell in tells) else expires


def jittered(seconds: float, jitter: float, random: Callable[[], float]) -> float:
    return seconds * (1 + jitter * (2 * random() - 1))


def backoff_step(backoff: Backoff, attempts: int) -> float:
    """Seconds after the ``attempts``-th attempt (from 1), before jitter."""
    return backoff.steps[min(attempts, len(backoff.steps)) - 1]


def expired_text(code: int, enhanced: str, text: str) -> str:
    return (
        f"not delivered in time; the last reply was {code} {enhanced} {text}"
        if code
        else "not delivered in time"
    )


def distinct(letters: Sequence[Letter]) -> list[Letter]:
    """Each message id once."""
    return list({letter.message.id: letter for letter in letters}.values())


class Turns:
    """Whose turn it is at a site: the tenant after the one that was served last. Forgets the oldest of ``size`` sites."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._last: OrderedDict[str, str] = OrderedDict()

    def after(self, site: str) -> str:
        """Tenants sorting behind this one come first, then those from the beginning."""
        return self._last.get(site, "")

    def served(self, site: str, tenant: str) -> None:
        self._last[site] = tenant
        self._last.move_to_end(site)
        if len(self._last) > self._size:
            self._last.popitem(last=False)


def take_turns(waiting: Mapping[str, Sequence[T]], after: str, room: int) -> list[T]:
    """Up to ``room`` items, one from each tenant in turn, beginning with the tenant behind ``after``."""
    tenants = sorted(waiting, key=lambda tenant: (tenant <= after, tenant))[:TENANTS_IN_TURN]
    ranks = zip_longest(*(waiting[tenant] for tenant in tenants))
    return [item for rank in ranks for item in rank if item is not None][:room]
