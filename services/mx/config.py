"""Settings of the mx pod."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from yubin.dns.inward import Network, networks
from yubin.errors import Failure
from yubin.mail.address import Address
from yubin.reception.terms import Terms
from yubin.runtime.settings import PodSettings, host_port


class Settings(PodSettings):
    """Addresses are ``host:port``, sizes octets, durations seconds, networks ``192.0.2.0/24, 2001:db8::/32``."""

    hostname: str = Field(description="the name in the greeting and in Received; what the MX record names")
    mx_listen: str = Field("0.0.0.0:1025", description="SMTP from other people's servers (port 25)")
    smtp_tls_cert: Path | None = Field(None, description="PEM file: the certificate chain other servers see")
    smtp_tls_key: Path | None = Field(None, description="PEM file: its private key")
    directory: str = Field("directory:7000", description="the directory pods, host:port")
    resolver: str = Field("resolver:7000", description="the resolver pods, host:port")
    mailbox: str = Field("mailbox:7000", description="the mailbox pods, host:port")
    ledger_url: str = Field(
        description="postgresql://…, sqlite:///absolute/path or memory:; for letters while mailbox is away"
    )
    objects_url: str = Field(description="s3://bucket/prefix, file:///absolute/folder or memory:")

    message_size: int = Field(50 * 1024 * 1024, ge=64 * 1024, le=2**31, description="octets of one letter")
    recipients: int = Field(100, ge=100, le=50_000, description="of one letter (RFC 5321 4.5.3.1.8)")
    hops: int = Field(50, ge=50, le=100, description="Received fields above which a letter is in a loop")
    default_quota: int = Field(
        0, ge=0, description="octets of an account that has no quota of its own; 0: no limit"
    )
    over_quota: Literal["452", "552"] = Field(
        "452",
        description="what is said for a full mailbox: 452 (the sender tries again) or 552 (it gives up)",
    )
    reveal_moved: bool = Field(
        default=False, description="tell strangers the new address of an account that has moved (551)"
    )
    postmaster: str = Field(
        "", description="who gets mail for <Postmaster> and for postmaster@ where none is"
    )
    sender_domain_check: bool = Field(
        default=True, description="refuse senders whose domain does not exist or takes no mail"
    )
    spam_header: str = Field(
        "X-Spam-Flag: YES",
        description="a field that begins so, from a trusted filter, means junk; empty: none",
    )
    trusted_filters: str = Field("", description="networks of the filters whose spam header is believed")
    proxy_from: str = Field("", description="networks of load balancers that send a PROXY header, always")
    head_start_rate: float = Field(50.0, ge=0, description="letters/s of a tenant to a domain sent at once")
    head_start_burst: float = Field(500.0, ge=0, description="the same, in a burst")

    connections: int = Field(5000, ge=1, description="SMTP connections of this pod")
    connections_per_address: int = Field(
        50, ge=1, description="SMTP connections from one IP address, or IPv6 /64"
    )
    connections_per_minute: int = Field(
        300, ge=1, description="new connections from one IPv4 /24 or IPv6 /64"
    )
    banner_delay: float = Field(
        0.0, ge=0, le=30, description="wait with the greeting; whoever talks before it is sent away"
    )
    command_timeout: float = Field(300.0, gt=0, description="until the next command (RFC 5321 4.5.3.2)")
    stress_timeout: float = Field(
        10.0, gt=0, description="the same, while four fifths of the connections are there"
    )
    data_timeout: float = Field(300.0, gt=0, description="of grace for a slow letter")
    data_rate: float = Field(500.0, gt=0, description="octets a second, least, over a whole letter")
    accept_timeout: float = Field(120.0, gt=0, description="451 4.4.5 when storing a letter takes longer")
    letters_in_memory: int = Field(512 * 1024 * 1024, ge=2**20, description="octets being received at once")
    errors: int = Field(20, ge=1, description="refusals, then the connection is closed")
    idle_commands: int = Field(100, ge=1, description="NOOP, RSET, VRFY without a letter, then it is closed")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        host_port(self.mx_listen)
        if (self.smtp_tls_cert is None) != (self.smtp_tls_key is None):
            raise ValueError("set both YUBIN_SMTP_TLS_CERT and YUBIN_SMTP_TLS_KEY")
        for name in ("trusted_filters", "proxy_from"):
            try:
                networks(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"YUBIN_{name.upper()} is a list of networks") from error
        if self.spam_header and not self.spam_header.partition(":")[2].strip():
            raise ValueError("YUBIN_SPAM_HEADER is a field's name, a colon, and how its value begins")
        if self.postmaster:
            _address(self.postmaster)
        return self

    @property
    def filters(self) -> tuple[Network, ...]:
        return networks(self.trusted_filters)

    def terms(self) -> Terms:
        """Without the certificate, which the composition root loads."""
        return Terms(
            hostname=self.hostname,
            size=self.message_size,
            recipients=self.recipients,
            proxies=networks(self.proxy_from),
            banner_delay=self.banner_delay,
            command_timeout=self.command_timeout,
            stress_timeout=self.stress_timeout,
            data_timeout=self.data_timeout,
            data_rate=self.data_rate,
            accept_timeout=self.accept_timeout,
            errors=self.errors,
            junk=self.idle_commands,
            connections=self.connections,
            per_address=self.connections_per_address,
            held=self.letters_in_memory,
        )


def _address(text: str) -> None:
    try:
        Address.parse(text)
    except Failure as failure:
        raise ValueError("YUBIN_POSTMASTER is an address") from failure
