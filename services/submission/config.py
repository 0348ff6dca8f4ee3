"""Settings of the submission pod."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from yubin.reception.terms import Terms
from yubin.runtime.settings import PodSettings, host_port
from yubin.sasl.mechanisms import OFFERED, chosen


class Settings(PodSettings):
    """Addresses are ``host:port``, sizes octets, durations seconds."""

    hostname: str = Field(description="the name in the greeting and in Received; what mail programs are told")
    submission_listen: str = Field("0.0.0.0:1587", description="SMTP with STARTTLS (port 587); empty: none")
    submissions_listen: str = Field("0.0.0.0:1465", description="SMTP over TLS (port 465); empty: none")
    smtp_tls_cert: Path | None = Field(None, description="PEM file: the certificate chain mail programs see")
    smtp_tls_key: Path | None = Field(None, description="PEM file: its private key")
    auth_without_tls: bool = Field(
        default=False, description="passwords in clear; only where it listens on loopback, for benchmarks"
    )
    mechanisms: str = Field(
        " ".join(OFFERED),
        description="SASL mechanisms that are announced, of PLAIN LOGIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2",
    )
    directory: str = Field("directory:7000", description="the directory pods, host:port")
    ledger_url: str = Field(description="postgresql://…, sqlite:///absolute/path or memory:")
    objects_url: str = Field(description="s3://bucket/prefix, file:///absolute/folder or memory:")

    message_size: int = Field(50 * 1024 * 1024, ge=64 * 1024, le=2**31, description="octets of one letter")
    recipients: int = Field(1000, ge=100, le=50_000, description="of one letter (RFC 5321 4.5.3.1.8)")
    per_hour: int = Field(0, ge=0, description="recipients an hour of one account in this pod; 0: no limit")
    hops: int = Field(100, ge=50, le=100, description="Received fields above which a letter is in a loop")
    dkim: bool = Field(default=True, description="sign what leaves")
    hide_client: bool = Field(
        default=False, description="leave the client's name and address out of Received"
    )
    head_start_rate: float = Field(50.0, ge=0, description="letters/s of a tenant to a domain sent at once")
    head_start_burst: float = Field(500.0, ge=0, description="the same, in a burst")

    connections: int = Field(5000, ge=1, description="SMTP connections of this pod")
    connections_per_address: int = Field(50, ge=1, description="SMTP connections from one IP address")
    command_timeout: float = Field(300.0, gt=0, description="until the next command (RFC 5321 4.5.3.2)")
    data_timeout: float = Field(300.0, gt=0, description="of grace for a slow letter")
    data_rate: float = Field(500.0, gt=0, description="octets a second, least, over a whole letter")
    accept_timeout: float = Field(120.0, gt=0, description="451 4.4.5 when storing a letter takes longer")
    letters_in_memory: int = Field(512 * 1024 * 1024, ge=2**20, description="octets being received at once")
    errors: int = Field(20, ge=1, description="refusals, then the connection is closed")
    idle_commands: int = Field(100, ge=1, description="NOOP, RSET, VRFY without a letter, then it is closed")

    @field_validator("mechanisms")
    @classmethod
    def _are_known(cls, value: str) -> str:
        return " ".join(chosen(value))

    @model_validator(mode="after")
    def _tls_or_loopback(self) -> Self:
        listens = [text for text in (self.submission_listen, self.submissions_listen) if text]
        for text in listens:
            host_port(text)
        if (self.smtp_tls_cert is None) != (self.smtp_tls_key is None):
            raise ValueError("set both YUBIN_SMTP_TLS_CERT and YUBIN_SMTP_TLS_KEY")
        if self.smtp_tls_cert is None and (self.submissions_listen or not self.auth_without_tls):
            raise ValueError("set YUBIN_SMTP_TLS_CERT and YUBIN_SMTP_TLS_KEY: nobody may log in without TLS")
        if self.auth_without_tls and not all(_loopback(text) for text in listens):
            raise ValueError("YUBIN_AUTH_WITHOUT_TLS is for loopback addresses only")
        return self

    def terms(self) -> Terms:
        """Without the certificate, which the composition root loads."""
        return Terms(
            hostname=self.hostname,
            size=self.message_size,
            recipients=self.recipients,
            mechanisms=chosen(self.mechanisms),
            auth_without_tls=self.auth_without_tls,
            command_timeout=self.command_timeout,
            data_timeout=self.data_timeout,
            data_rate=self.data_rate,
            accept_timeout=self.accept_timeout,
            errors=self.errors,
            junk=self.idle_commands,
            connections=self.connections,
            per_address=self.connections_per_address,
            held=self.letters_in_memory,
        )


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(host_port(text)[0]).is_loopback
    except ValueError:
        return False
