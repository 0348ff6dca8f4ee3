"""Accounts: tenants, domains, accounts, aliases, credentials, limits, DKIM keys, as the ``directory`` pod keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one account. Bytes; 0 means the pod's own default."""

    quota: int = 0
    message_size: int = 0
    recipients: int = 0  # per letter
    per_hour: int = 0  # recipients an hour


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who has been authenticated. ``senders`` are addresses that the account may use in MAIL FROM and From.

    ``sender_domains`` are domains of which every address is its own (a catch-all's owner). All in canonical form.
    """

    tenant: str
    account: str
    login: str
    senders: frozenset[str]
    sender_domains: frozenset[str]
    limits: Limits

    def owns(self, address: str) -> bool:
        """``address`` in canonical form; a subaddress (user+tag) of an own address is one's own (RFC 5233)."""
        if address in self.senders:
            return True
        local, at, domain = address.rpartition("@")
        if not at:
            return False
        base = local.partition("+")[0]
        return domain in self.sender_domains or (base != local and f"{base}@{domain}" in self.senders)


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A DKIM key: the private key as PKCS#8 PEM. Never logged."""

    domain: str
    selector: str
    algorithm: str  # rsa-sha256 | ed25519-sha256
    private_pem: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.selector}._domainkey.{self.domain}, {self.algorithm})"


class Authenticator(Protocol):
    async def authenticate(self, login: str, password: str, *, peer: str, service: str) -> Identity:
        """Raises Unauthenticated, Exhausted (454 4.7.0, throttled or busy), or Unavailable (454 4.7.0)."""


class SigningKeys(Protocol):
    async def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        """The keys that sign for this domain now; empty when it is not ours or has none. May raise Unavailable."""
