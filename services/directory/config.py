"""Settings of the directory pod."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from services.directory.sealing import read_key
from yubin.errors import Failure
from yubin.mail.address import Address
from yubin.runtime.settings import PodSettings


class Settings(PodSettings):
    """Durations in seconds."""

    accounts_url: str = Field(
        pattern="^(memory:|sqlite:///|postgresql://|postgres://)",
        description="where accounts are kept: postgresql://…, sqlite:///absolute/path or memory:",
    )
    dkim_seal_key: SecretStr | None = Field(
        None,
        description="32 octets in base64 that DKIM private keys and verifiers for SCRAM are encrypted with in the "
        "store, and session tokens are signed with; the same in every directory pod",
    )
    argon2_memory_kib: int = Field(65536, ge=8, le=4194304, description="memory of one password hash, in KiB")
    argon2_passes: int = Field(3, ge=1, le=100, description="passes of one password hash over its memory")
    argon2_lanes: int = Field(4, ge=1, le=64, description="lanes of one password hash")
    scram_iterations: int = Field(
        100_000,
        ge=4096,
        le=1_000_000,
        description="rounds of PBKDF2 in a verifier for SCRAM; clients pay them",
    )
    oauth_issuer: str = Field("", description="iss of the bearer tokens that are taken; empty: none is taken")
    oauth_audience: str = Field("", description="what their aud must name")
    oauth_jwks_file: Path | None = Field(
        None, description="JWKS file (RFC 7517) with the issuer's public keys; read again when it changes"
    )
    oauth_claim: Literal["email", "preferred_username", "sub"] = Field(
        "email", description="the claim that holds the account's address"
    )
    auth_workers: int = Field(2, ge=1, le=64, description="password hashes that run at once")
    auth_queue: int = Field(64, ge=0, le=10000, description="password checks that may wait; others hear 454")
    auth_valid_for: float = Field(
        60, ge=0, le=60, description="how long others may remember a password that held"
    )
    peer_burst: int = Field(30, ge=1, description="wrong passwords from one address before it is throttled")
    peer_refill: float = Field(10, gt=0, description="seconds until a throttled address has another try")
    login_burst: int = Field(20, ge=1, description="wrong passwords for one login before it is throttled")
    login_refill: float = Field(30, gt=0, description="seconds until a throttled login has another try")
    throttle_entries: int = Field(50000, ge=100, description="addresses, and logins, that are remembered")
    keys_valid_for: float = Field(
        60, ge=1, le=3600, description="how long others may sign with a key unasked"
    )
    destinations_valid_for: float = Field(
        60, ge=1, le=3600, description="how long others may remember where mail for an address goes"
    )
    session_for: float = Field(
        900, ge=60, le=3600, description="how long a session token opens a mailbox; it is renewed in time"
    )
    postmaster: str = Field(
        "",
        description="address for mail to postmaster@ and abuse@ domains that have no such address (RFC 2142)",
    )

    @field_validator("postmaster")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return str(Address.parse(value)) if value else ""
        except Failure as failure:
            raise ValueError(failure.text) from failure

    @field_validator("dkim_seal_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_key(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _issuer_is_whole(self) -> Self:
        given = [bool(self.oauth_issuer), bool(self.oauth_audience), self.oauth_jwks_file is not None]
        if any(given) and not all(given):
            raise ValueError("set all of YUBIN_OAUTH_ISSUER, YUBIN_OAUTH_AUDIENCE and YUBIN_OAUTH_JWKS_FILE")
        return self

    @property
    def seal_key(self) -> bytes | None:
        return None if self.dkim_seal_key is None else read_key(self.dkim_seal_key.get_secret_value())
