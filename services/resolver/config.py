"""The resolver's settings."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from yubin.dns import cache, inward, network, servers
from yubin.dns.route import FAMILIES, Rules
from yubin.runtime.settings import PodSettings

FAMILY_NAMES = {"ipv4": "A", "ipv6": "AAAA"}


class Settings(PodSettings):
    """``dns_…`` is about queries, ``cache_…`` about what is kept; durations are seconds."""

    dns_servers: str = Field(
        "", description="address:port,…; empty: the nameserver lines of /etc/resolv.conf"
    )
    dns_timeout: float = Field(2.0, gt=0, le=60, description="for one reply of one server")
    dns_attempts: int = Field(2, ge=1, le=10, description="rounds over the servers")
    dns_deadline: float = Field(10.0, gt=0, le=120, description="for a whole look-up")
    dns_in_flight: int = Field(256, ge=1, le=10_000, description="queries under way at a time")
    dns_rate: float = Field(2000.0, gt=0, description="queries a second, on average")
    dns_mixed_case: bool = Field(
        default=False, description="0x20: random letter case against forgers; the servers must keep the case"
    )
    cache_entries: int = Field(100_000, ge=1, description="answers with records that are kept")
    cache_negatives: int = Field(50_000, ge=1, description="answers without records that are kept")
    cache_octets: int = Field(64 * 1024 * 1024, ge=1024, description="memory for each of the two kinds")
    ttl_min: float = Field(
        5.0, ge=0, le=3600, description="an answer is kept at least so long, also at TTL 0"
    )
    ttl_max: float = Field(86_400.0, ge=1, description="and at most so long")
    negative_max: float = Field(900.0, ge=1, le=10_800, description="longest for an answer without records")
    stale_for: float = Field(
        86_400.0,
        ge=0,
        le=604_800,
        description="how long an expired answer stands in for a failure (RFC 8767)",
    )
    inside_networks: str = Field(
        "",
        description="networks that mail may be sent to although they are not public, e.g. 10.1.0.0/16,fd00::/8",
    )
    address_families: str = Field("ipv4,ipv6", description="ipv4, ipv6 or both; the first is tried first")

    @model_validator(mode="after")
    def _lists_are_readable(self) -> Self:
        for name, read in (
            ("dns_servers", servers.parse),
            ("inside_networks", inward.networks),
            ("address_families", families),
        ):
            try:
                read(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"YUBIN_{name.upper()}: {error}") from None
        return self

    @property
    def servers(self) -> tuple[servers.Server, ...]:
        return servers.parse(self.dns_servers) or servers.of_this_machine()

    @property
    def query_terms(self) -> network.Terms:
        return network.Terms(
            timeout=self.dns_timeout,
            attempts=self.dns_attempts,
            deadline=self.dns_deadline,
            in_flight=self.dns_in_flight,
            rate=self.dns_rate,
            mixed_case=self.dns_mixed_case,
        )

    @property
    def cache_terms(self) -> cache.Terms:
        return cache.Terms(
            entries=self.cache_entries,
            negatives=self.cache_negatives,
            octets=self.cache_octets,
            ttl_min=self.ttl_min,
            ttl_max=self.ttl_max,
            negative_max=self.negative_max,
            stale_for=self.stale_for,
        )

    @property
    def rules(self) -> Rules:
        return Rules(inside=inward.networks(self.inside_networks), families=families(self.address_families))


def families(text: str) -> tuple[str, ...]:
    """Record types in the order of ``ipv4,ipv6``; raises ValueError."""
    names = [item.strip().lower() for item in text.split(",") if item.strip()]
    if not names or any(name not in FAMILY_NAMES for name in names):
        raise ValueError("write ipv4, ipv6, or both with a comma")
    found = tuple(dict.fromkeys(FAMILY_NAMES[name] for name in names))
    return tuple(f for f in found if f in FAMILIES)
