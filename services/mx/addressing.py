"""RCPT: what the directory says of an address, as the reply that it is worth, and who in the end gets a letter.

Nothing is taken for a domain that is not ours, whatever the address looks like and whoever asks (CASES F1, F3): the
address is parsed, never rewritten, and no source address gives any right. The replies say the same for every address of
a kind, and cost the same one question (CASES I2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.mx import meters
from services.mx.quotas import Quotas
from yubin.accounts.port import Destination, Kind, LocalAccount, Recipients
from yubin.errors import Denied, Failure, NotFound, TooBig
from yubin.mail.address import Address, canonical
from yubin.queue.port import NewRecipient
from yubin.smtp.command import Rcpt

SUCCESS, NEVER = frozenset({"SUCCESS"}), frozenset({"NEVER"})


@dataclass(frozen=True, kw_only=True)
class Manners:
    """``size`` is the pod's limit of a letter, ``postmaster`` who stands in for one that is missing, or ""."""

    hostname: str
    size: int
    reveal_moved: bool = False
    postmaster: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One account that gets a copy."""

    tenant: str
    account: LocalAccount


@dataclass(frozen=True, kw_only=True)
class Addressees:
    """Of one letter: each account once, and each address elsewhere once, by tenant of the alias that names it."""

    places: tuple[Place, ...]
    elsewhere: Mapping[str, tuple[NewRecipient, ...]]


class Addressing:
    def __init__(self, recipients: Recipients, quotas: Quotas, manners: Manners) -> None:
        self._recipients, self._quotas, self._manners = recipients, quotas, manners

    async def place(self, address: Address, size: int) -> Destination:
        """Where a letter of ``size`` octets goes (0: not declared). Raises what RCPT is answered otherwise."""
        answer = "unavailable"
        try:
            with meters.LOOKUP.time():
                found = await self._lookup(address)
            answer = "size" if found.kind is Kind.LOCAL else _ANSWERS[found.kind]
            self.judge(found, size)
            answer = "quota"
            await self._quotas.check(() if found.remote else found.accounts, size)
            answer = "accepted"
        finally:
            meters.RECIPIENTS.labels(answer).inc()
        return found

    def judge(self, found: Destination, size: int) -> None:
        """Raises the refusal that an address, or a letter of this size for it, deserves."""
        match found.kind:
            case Kind.NOT_LOCAL:
                raise Denied("Relay access denied", code=554)
            case Kind.UNKNOWN:
                raise NotFound("There is no such mailbox here")
            case Kind.DISABLED:
                raise Denied("This mailbox is disabled", enhanced="5.2.1")
            case Kind.MOVED if self._manners.reveal_moved and found.moved_to.isascii():  # RFC 5321 3.4
                raise Denied(f"User not local; please try <{found.moved_to}>", code=551, enhanced="5.1.6")
            case Kind.MOVED:
                raise Denied("This mailbox has moved", enhanced="5.1.6")
        if found.accounts and not found.remote and all(size > self._limit(a) for a in found.accounts):
            raise TooBig("Message size exceeds the limit of the mailbox")

    def _limit(self, account: LocalAccount) -> int:
        return account.message_size or self._manners.size

    async def _lookup(self, address: Address) -> Destination:
        (found,) = await self._recipients.lookup([str(address)])
        if self._manners.postmaster and self._orphaned(address, found):
            (found,) = await self._recipients.lookup([self._manners.postmaster])
        return found

    def _orphaned(self, address: Address, found: Destination) -> bool:
        """A postmaster (RFC 5321 4.5.1) of a domain of ours, or without a domain, that nobody is."""
        if address.local.lower() != "postmaster":
            return False
        here = found.kind is Kind.NOT_LOCAL and address.domain == self._manners.hostname
        return here or found.kind is Kind.UNKNOWN


_ANSWERS: Mapping[Kind, str] = {
    Kind.NOT_LOCAL: "relay",
    Kind.UNKNOWN: "unknown",
    Kind.DISABLED: "disabled",
    Kind.MOVED: "moved",
}


def addressees(found: Sequence[tuple[Rcpt, Destination]]) -> Addressees:
    """Everybody once, however many recipients lead there."""
    places: dict[str, Place] = {}
    elsewhere: dict[str, dict[str, NewRecipient]] = {}
    for rcpt, destination in found:
        for account in destination.accounts:
            places.setdefault(account.id, Place(tenant=destination.tenant, account=account))
        for address in destination.remote:
            own = elsewhere.setdefault(destination.tenant, {})
            own.setdefault(_key(address), _onward(rcpt, destination, address))
    return Addressees(
        places=tuple(places.values()),
        elsewhere={tenant: tuple(own.values()) for tenant, own in elsewhere.items()},
    )


def _onward(rcpt: Rcpt, destination: Destination, address: str) -> NewRecipient:
    """RFC 3461 5.2.7: the original recipient stays; where one becomes many, none of them reports success."""
    notify = rcpt.notify
    if len(destination.accounts) + len(destination.remote) > 1 and notify:
        notify = notify - SUCCESS or NEVER
    kind = "utf-8" if rcpt.forward_path.utf8 else "rfc822"
    return NewRecipient(address=address, orcpt=rcpt.orcpt or f"{kind};{rcpt.forward_path}", notify=notify)


def _key(address: str) -> str:
    try:
        return canonical(address)
    except Failure:
        return address
