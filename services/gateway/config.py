"""Settings of the gateway pod."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from services.gateway.limits import Limits
from yubin.pop3.dialogue import Terms
from yubin.runtime.settings import PodSettings, host_port
from yubin.sasl.mechanisms import OFFERED, chosen


class Settings(PodSettings):
    """Addresses are ``host:port``, durations seconds."""

    hostname: str = Field(description="the name in the greeting; what mail programs are told")
    pop3_listen: str = Field("0.0.0.0:1110", description="POP3 with STLS (port 110); empty: none")
    pop3s_listen: str = Field("0.0.0.0:1995", description="POP3 over TLS (port 995); empty: none")
    imap_listen: str = Field("0.0.0.0:1143", description="IMAP with STARTTLS (port 143); empty: none")
    imaps_listen: str = Field("0.0.0.0:1993", description="IMAP over TLS (port 993); empty: none")
    mail_tls_cert: Path | None = Field(None, description="PEM file: the certificate chain mail programs see")
    mail_tls_key: Path | None = Field(None, description="PEM file: its private key")
    auth_without_tls: bool = Field(
        default=False, description="passwords in clear; only where it listens on loopback, for benchmarks"
    )
    mechanisms: str = Field(
        " ".join(OFFERED),
        description="SASL mechanisms that are announced, of PLAIN LOGIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2",
    )
    directory: str = Field("directory:7000", description="the directory pods, host:port")
    mailbox: str = Field("mailbox:7000", description="the mailbox pods, host:port")

    connections: int = Field(20_000, ge=1, description="connections of this pod")
    connections_per_address: int = Field(100, ge=1, description="connections from one IP address")
    idle_timeout: float = Field(
        600.0, ge=600, description="without a command, then it is closed (RFC 1939 3: at least 600)"
    )
    imap_idle_timeout: float = Field(
        1800.0, ge=1800, description="the same for IMAP, also in IDLE (RFC 9051 5.4: at least 1800)"
    )
    login_timeout: float = Field(180.0, gt=0, description="from the connection to the login")
    login_failures: int = Field(3, ge=1, description="wrong passwords, then the connection is closed")
    connections_per_user: int = Field(50, ge=1, description="IMAP sessions of one account, on all gateways")
    quota: int = Field(
        0, ge=0, description="octets of an account that has none of its own, as the mailbox pods have it"
    )
    append_limit: int = Field(
        50 * 1024 * 1024,
        ge=1,
        le=256 * 1024 * 1024,
        description="octets of a letter that a client may append",
    )
    errors: int = Field(10, ge=1, description="bad commands in a row, then the connection is closed")
    idle_commands: int = Field(
        100, ge=1, description="NOOP, CAPA, … at once, and one a second; then it is closed"
    )
    read_ahead: int = Field(
        256 * 1024 * 1024, ge=0, description="octets of letters held for clients that read one after another"
    )

    @field_validator("mechanisms")
    @classmethod
    def _are_known(cls, value: str) -> str:
        return " ".join(chosen(value))

    @model_validator(mode="after")
    def _tls_or_loopback(self) -> Self:
        every = (self.pop3_listen, self.pop3s_listen, self.imap_listen, self.imaps_listen)
        listens = [text for text in every if text]
        for text in listens:
            host_port(text)
        if (self.mail_tls_cert is None) != (self.mail_tls_key is None):
            raise ValueError("set both YUBIN_MAIL_TLS_CERT and YUBIN_MAIL_TLS_KEY")
        implicit = self.pop3s_listen or self.imaps_listen
        if self.mail_tls_cert is None and (implicit or not self.auth_without_tls):
            raise ValueError("set YUBIN_MAIL_TLS_CERT and YUBIN_MAIL_TLS_KEY: nobody may log in without TLS")
        if self.auth_without_tls and not all(_loopback(text) for text in listens):
            raise ValueError("YUBIN_AUTH_WITHOUT_TLS is for loopback addresses only")
        return self

    def limits(self) -> Limits:
        return Limits(
            connections=self.connections, per_address=self.connections_per_address, idle=self.idle_timeout
        )

    def pop3(self) -> Terms:
        return Terms(
            hostname=self.hostname,
            mechanisms=chosen(self.mechanisms),
            stls=self.mail_tls_cert is not None,
            auth_without_tls=self.auth_without_tls,
            login_failures=self.login_failures,
            errors=self.errors,
            junk=self.idle_commands,
        )


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(host_port(text)[0]).is_loopback
    except ValueError:
        return False
