"""Where mail for an address goes, as rules over facts: pure, and the same over every store.

``resolve`` is a generator: it yields the addresses that it wants to know about and is sent what a store knows of them
(``Facts``), one question for each level of aliases. An address is judged in this order:

    no domain of ours → NOT_LOCAL
    an account, or an alias, of exactly this address
    user+tag: the account or alias ``user`` (RFC 5233)
    the account that owns the domain's catch-all, when it is of the same tenant
    nothing of all that → UNKNOWN

Targets of an alias are judged likewise, each once, so that a loop ends where it closes. An alias that is nested too
deeply or stands for too many is a mistake of configuration: 451 4.3.5 until it is mended, and no letter is lost to it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from yubin.accounts.port import Account, Destination, Kind, LocalAccount
from yubin.errors import Invalid, Unavailable
from yubin.mail.address import Address

DEPTH = 10  # of aliases within aliases
TARGETS = 1000  # of an alias, those of its targets and so on included


@dataclass(frozen=True, kw_only=True)
class Facts:
    """``domains`` by name: tenant, and the address of the catch-all's owner or "". The rest by address.

    ``accounts`` hold those owners too.
    """

    domains: Mapping[str, tuple[str, str]]
    accounts: Mapping[str, Account]
    aliases: Mapping[str, tuple[str, ...]]


Resolution: TypeAlias = Generator[tuple[str, ...], Facts, Destination]
Verdict: TypeAlias = Account | tuple[str, ...] | Kind  # tuple: targets


def resolve(address: str) -> Resolution:
    """``address`` is canonical. Raises Unavailable for an alias without measure."""
    level, seen, gathered = [address], {address}, _Gathered()
    for _ in range(DEPTH + 1):
        facts = yield tuple(dict.fromkeys(name for one in level for name in _names(one)))
        deeper: list[str] = []
        for one in level:
            found = _judge(one, facts)
            if isinstance(found, tuple):
                deeper += found
            else:
                gathered.add(one, found)
        if not gathered.tenant:
            gathered.tenant = facts.domains.get(_domain(address), ("",))[0]
            if not gathered.tenant:
                return Destination(kind=Kind.NOT_LOCAL)
        level = [target for target in dict.fromkeys(deeper) if target not in seen]
        seen |= set(level)
        if not level:
            return gathered.destination()
        if len(seen) > TARGETS + 1:
            break
    raise Unavailable("The alias has too many targets or is nested too deeply", enhanced="4.3.5")


class _Gathered:
    """What has been found on the way. ``refused`` are targets that take no mail, the first reason first."""

    def __init__(self) -> None:
        self.tenant = ""
        self._accounts: dict[str, LocalAccount] = {}
        self._remote: list[str] = []
        self._refused: list[tuple[Kind, str]] = []

    def add(self, address: str, found: Account | Kind) -> None:
        if found is Kind.NOT_LOCAL:
            self._remote.append(address)
        elif isinstance(found, Kind):
            self._refused.append((found, ""))
        elif found.moved_to:
            self._refused.append((Kind.MOVED, found.moved_to))
        elif not found.enabled:
            self._refused.append((Kind.DISABLED, ""))
        else:
            limits = found.limits
            self._accounts[found.id] = LocalAccount(
                id=found.id, address=found.address, quota=limits.quota, message_size=limits.message_size
            )

    def destination(self) -> Destination:
        if self._accounts or self._remote:
            return Destination(
                kind=Kind.LOCAL,
                tenant=self.tenant,
                accounts=tuple(self._accounts.values()),
                remote=tuple(self._remote),
            )
        telling = [refusal for refusal in self._refused if refusal[0] is not Kind.UNKNOWN]
        kind, moved_to = telling[0] if telling else (Kind.UNKNOWN, "")
        return Destination(kind=kind, tenant=self.tenant, moved_to=moved_to)


def _judge(address: str, facts: Facts) -> Verdict:
    names = _names(address)
    domain = facts.domains.get(_domain(names[0]))
    if domain is None:
        return Kind.NOT_LOCAL
    for name in names:
        if name in facts.accounts:
            return facts.accounts[name]
        if name in facts.aliases:
            return facts.aliases[name]
    tenant, catch_all = domain
    owner = facts.accounts.get(catch_all)
    return owner if owner is not None and owner.tenant == tenant else Kind.UNKNOWN


def _names(address: str) -> tuple[str, ...]:
    """The address in canonical form, and for user+tag the user's (RFC 5233)."""
    try:
        parsed = Address.parse(address)
    except Invalid:  # a target that an older program took
        return (address,)
    user, plus, _ = parsed.local.partition("+")
    if not plus or not user:
        return (parsed.canonical,)
    return parsed.canonical, Address(local=user, domain=parsed.domain).canonical


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
