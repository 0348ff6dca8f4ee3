"""Accounts: tenants, domains, accounts, aliases, credentials, limits, DKIM keys, as the ``directory`` pod keeps them.

``Authenticator``, ``SigningKeys``, ``Recipients`` and ``Sessions`` are what other pods ask on a letter's way;
``Administration`` is what the api pod asks on behalf of an operator; each is implemented by the directory itself and by
a client of it (``remote.py``). ``Accounts`` is the store below the directory, and nobody else's.

Names are canonical everywhere below the edge: a domain is lower-case A-labels without the last dot, an account's or
alias' address has a lower-case local part too. A domain belongs to one tenant, and with it every address in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from yubin.sasl.mechanism import Offer, Proven

KEYS_PER_DOMAIN = 8  # DKIM records, retired ones included
ARGON2ID = "argon2id"  # the kind of a credential whose value is an encoded argon2id hash
SCRAM = "scram-sha-256"  # … a verifier of RFC 5803, sealed where the directory has a key
APP = "app:"  # … and the id of an app password
SERVICES = frozenset({"submission", "imap", "pop3", "api"})
MAIL_SERVICES = SERVICES - {"api"}  # those that mail programs use
ALGORITHMS = ("rsa-sha256", "ed25519-sha256")  # RFC 8463 3; the first is the default


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
    session: str = field(default="", repr=False, compare=False)  # token for the mailbox pod
    session_for: float = field(default=0.0, compare=False)  # seconds that it holds

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


@dataclass(frozen=True, kw_only=True)
class DkimRecord:
    """What is published for a key: ``name`` owns a TXT record of value ``text`` (RFC 6376 3.6)."""

    selector: str
    algorithm: str
    name: str
    text: str
    signing: bool  # False: retired, kept so that mail under way still verifies


@dataclass(frozen=True, kw_only=True)
class Tenant:
    name: str
    created: float  # Unix seconds


@dataclass(frozen=True, kw_only=True)
class Domain:
    """``catch_all`` is the address of the account that owns every address of the domain, or ""."""

    name: str
    tenant: str
    created: float
    catch_all: str = ""
    dkim: tuple[DkimRecord, ...] = ()  # the newest first
    scram: bool = False  # verifiers for SCRAM are kept beside the hashes


@dataclass(frozen=True, kw_only=True)
class Account:
    id: str  # opaque; not used again for another account of the same address
    tenant: str
    address: str
    enabled: bool
    limits: Limits
    created: float
    moved_to: str = ""  # the address that people are told instead (551 5.1.6)
    app_only: bool = False  # mail programs need an app password: the password itself opens no mail service


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A target is an address anywhere; one that is an account of the same tenant may send as the alias."""

    address: str
    tenant: str
    targets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What an account's password is checked against. ``kind`` says how ``value`` is read. Never logged."""

    account: str  # Account.id
    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose password it is, and what it is checked against: the credentials but app passwords, by kind."""

    account: str
    scram: bool  # the domain allows it
    app_only: bool
    credentials: Mapping[str, Credential]


@dataclass(frozen=True, kw_only=True)
class AppPassword:
    """A password of one mail program, random, for some services. ``used``: to the hour; None: never."""

    id: str  # the part of it that is no secret
    name: str
    services: frozenset[str]
    created: float
    used: float | None = None


@dataclass(frozen=True, kw_only=True)
class DkimKey:
    """A key as it rests in the store; ``sealed`` is empty once the key is retired."""

    domain: str
    record: DkimRecord
    created: float
    sealed: bytes = field(repr=False)


class Passwords(Protocol):
    async def authenticate(self, login: str, password: str, *, peer: str, service: str) -> Identity:
        """Raises Unauthenticated, Exhausted (454 4.7.0, throttled or busy), or Unavailable (454 4.7.0)."""


class Authenticator(Passwords, Protocol):
    """All that a mechanism of yubin.sasl may ask (``exchange.ask``). Raises what ``authenticate`` does."""

    async def token(self, login: str, token: str, *, peer: str, service: str) -> Identity:
        """Of a JWT of the configured issuer; ``login`` "" is whoever it names."""

    async def scram_first(self, message: bytes, *, peer: str, service: str) -> Offer:
        """client-first-message (RFC 5802). Unknown logins get an offer too. Raises Invalid also."""

    async def scram_final(self, message: bytes, state: bytes, *, peer: str, service: str) -> Proven:
        """client-final-message with the state of the offer, within 60 s, once. ``who`` is the Identity."""


class SigningKeys(Protocol):
    async def signing_keys(self, domain: str) -> tuple[SigningKey, ...]:
        """The keys that sign for this domain now; empty when it is not ours or has none. May raise Unavailable."""


class Kind(Enum):
    """What an address is to us."""

    NOT_LOCAL = 0  # no domain of ours
    UNKNOWN = 1  # our domain, no such address
    LOCAL = 2
    MOVED = 3
    DISABLED = 4


@dataclass(frozen=True, kw_only=True)
class LocalAccount:
    """``quota`` and ``message_size`` in bytes, 0: the pod's default."""

    id: str
    address: str
    quota: int = 0
    message_size: int = 0


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where mail for an address goes: aliases (at most 10 deep), catch-all and subaddress resolved, each target once.

    LOCAL has ``accounts``, or ``remote`` addresses elsewhere, or both. Disabled and moved targets of an alias are left
    out while others remain.
    """

    kind: Kind
    tenant: str = ""
    accounts: tuple[LocalAccount, ...] = ()
    remote: tuple[str, ...] = ()
    moved_to: str = ""


class Recipients(Protocol):
    async def lookup(self, addresses: Sequence[str]) -> tuple[Destination, ...]:
        """One for each address, in order; addresses as typed, any number. Raises Unavailable (451 4.3.0).

        The client remembers answers as long as the directory says (NOT_LOCAL for the whole domain), and while it is
        away for up to an hour more, UNKNOWN not at all beyond 5 s: a mistyped or new account is not refused for long.
        """


class Sessions(Protocol):
    """Tokens that the mailbox pod takes for an account (DESIGN 6): short-lived, renewed while the account holds."""

    async def renew(self, sessions: Sequence[str]) -> tuple[str, ...]:
        """New ones in order; "" where the account is gone, disabled, or the token had ended. Raises Unavailable."""

    async def open(self, address: str) -> tuple[Account, str]:
        """For an operator's tools: the account and a token. Raises NotFound."""

    async def keys(self) -> tuple[bytes, ...]:
        """Raw Ed25519 public keys (RFC 8032), for who checks tokens."""


class Administration(Protocol):
    """Lists are pages in the order of their key: those behind ``after``, at most ``limit`` (0: 100; at most 1000).

    Names and addresses are taken as typed and made canonical. Raises Invalid, NotFound, Exists, Unavailable.
    """

    async def create_tenant(self, name: str) -> Tenant: ...

    async def list_tenants(self, *, after: str = "", limit: int = 0) -> tuple[Tenant, ...]: ...

    async def create_domain(self, tenant: str, name: str, catch_all: str = "") -> Domain:
        """With its first DKIM key. ``catch_all`` may name an account of the same tenant that is yet to be made."""

    async def list_domains(self, tenant: str = "", *, after: str = "", limit: int = 0) -> tuple[Domain, ...]:
        """Of one tenant, or of all."""

    async def get_domain(self, name: str) -> Domain: ...

    async def update_domain(self, name: str, *, scram: bool | None = None) -> Domain:
        """``scram`` False forgets the verifiers; True makes each at the next change or use of a password."""

    async def delete_domain(self, name: str) -> None:
        """With its aliases and keys. Raises Exists while it has accounts."""

    async def create_account(self, address: str, password: str, limits: Limits | None = None) -> Account: ...

    async def list_accounts(
        self, domain: str = "", *, after: str = "", limit: int = 0
    ) -> tuple[Account, ...]:
        """Of one domain, or of all."""

    async def get_account(self, address: str) -> Account: ...

    async def update_account(
        self,
        address: str,
        *,
        enabled: bool | None = None,
        limits: Limits | None = None,
        moved_to: str | None = None,
        app_only: bool | None = None,
    ) -> Account:
        """Changes what is not None; ``limits`` are replaced as a whole, ``moved_to`` "" means: it has not."""

    async def set_password(self, address: str, password: str) -> None:
        """App passwords stay."""

    async def add_app_password(
        self, address: str, name: str, services: Sequence[str] = ()
    ) -> tuple[AppPassword, str]:
        """With the password, which nobody can be told again. No ``services``: all that mail programs use."""

    async def list_app_passwords(self, address: str) -> tuple[AppPassword, ...]:
        """The oldest first."""

    async def remove_app_password(self, address: str, id_: str) -> None: ...

    async def delete_account(self, address: str) -> None: ...

    async def put_alias(self, address: str, targets: tuple[str, ...]) -> Alias:
        """Makes the alias, or replaces its targets. Raises Exists when an account has the address."""

    async def list_aliases(
        self, domain: str = "", *, after: str = "", limit: int = 0
    ) -> tuple[Alias, ...]: ...

    async def delete_alias(self, address: str) -> None: ...

    async def rotate_key(self, domain: str, algorithm: str = "", selector: str = "") -> Domain:
        """Adds a key that signs from now on in place of the one of the same algorithm.

        ``algorithm`` "" means rsa-sha256, ``selector`` "" one made from the date.
        """


class Accounts(Protocol):
    """The store. Every argument is canonical already. Each call is one transaction.

    Raises NotFound (what is named, or the tenant or domain that it would belong to), Exists, Unavailable.
    """

    async def add_tenant(self, tenant: Tenant) -> None: ...

    async def tenants(self, after: str, limit: int) -> tuple[Tenant, ...]: ...

    async def add_domain(self, domain: Domain, key: DkimKey) -> Domain:
        """The domain and its first key."""

    async def domain(self, name: str) -> Domain: ...

    async def domains(self, tenant: str, after: str, limit: int) -> tuple[Domain, ...]:
        """``tenant`` "" means all."""

    async def change_domain(self, name: str, scram: bool) -> Domain:
        """Without it all verifiers of the domain's accounts go."""

    async def remove_domain(self, name: str) -> None:
        """With its aliases and keys. Raises Exists while it has accounts."""

    async def add_key(self, key: DkimKey) -> Domain:
        """Retires the key of the same algorithm and forgets its private half. Raises Exists for a used selector.

        The oldest retired records beyond KEYS_PER_DOMAIN go.
        """

    async def keys(self, domain: str) -> tuple[DkimKey, ...]:
        """Those that sign; none for an unknown domain."""

    async def add_account(self, account: Account, *credentials: Credential) -> None:
        """Raises Exists when an account or an alias has the address."""

    async def account(self, address: str) -> Account: ...

    async def accounts(self, domain: str, after: str, limit: int) -> tuple[Account, ...]:
        """``domain`` "" means all; ``after`` is an address."""

    async def change_account(
        self,
        address: str,
        enabled: bool | None,
        limits: Limits | None,
        moved_to: str | None = None,
        app_only: bool | None = None,
    ) -> Account: ...

    async def resolve(self, address: str) -> Destination:
        """Of a canonical address. Each address on the way is judged in one snapshot.

        Raises Unavailable (451 4.3.5) for an alias nested too deeply or with too many targets.
        """

    async def enabled(self, accounts: Sequence[str]) -> dict[str, Account]:
        """Those of the account ids that exist and are enabled."""

    async def remove_account(self, address: str) -> None:
        """With its credentials."""

    async def put_credentials(self, address: str, values: Mapping[str, str | None]) -> None:
        """Makes or replaces those of each kind; None removes it. Others stay."""

    async def credential(self, address: str, kind: str) -> Credential | None:
        """Of an enabled account; None otherwise."""

    async def holder(self, address: str) -> Holder | None:
        """Of an enabled account; None otherwise."""

    async def app_passwords(self, address: str) -> tuple[Credential, ...]:
        """Of any account, in no order."""

    async def renew_credential(self, old: Credential, value: str) -> bool:
        """Replaces the value unless somebody has changed it since ``old`` was read; True when it did."""

    async def join_credential(self, old: Credential, new: Credential) -> bool:
        """Makes or replaces ``new`` unless somebody has changed ``old`` since it was read; True when it did."""

    async def identity(self, account: str) -> Identity | None:
        """Of an enabled account by its id; None otherwise."""

    async def put_alias(self, alias: Alias) -> None:
        """Raises Exists when an account has the address."""

    async def aliases(self, domain: str, after: str, limit: int) -> tuple[Alias, ...]: ...

    async def remove_alias(self, address: str) -> None: ...

    async def check(self) -> None:
        """Answers when the store can be read."""

    async def close(self) -> None: ...
