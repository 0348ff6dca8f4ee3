"""Settings of the api pod."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, FilePath, field_validator, model_validator

from services.api.tokens import Tokens
from yubin.runtime.settings import PodSettings, host_port


class Settings(PodSettings):
    """Addresses are ``host:port``, sizes octets, durations seconds."""

    api_listen: str = Field("0.0.0.0:8443", description="HTTPS for the yubin command and other programs")
    api_token_file: Path = Field(description="file with the operator's bearer token, at least 20 characters")
    api_tls_cert: FilePath | None = Field(
        None, description="PEM file: the certificate chain that HTTP clients see"
    )
    api_tls_key: FilePath | None = Field(None, description="PEM file: its private key")
    hostname: str = Field(description="the name in Received fields of letters that come in over HTTP")
    directory: str = Field("directory:7000", description="the directory pods, host:port")
    mailbox: str = Field("mailbox:7000", description="the mailbox pods, host:port")
    ledger_url: str = Field(description="postgresql://…, sqlite:///absolute/path or memory:")
    objects_url: str = Field(description="s3://bucket/prefix, file:///absolute/folder or memory:")
    message_size: int = Field(50 * 1024 * 1024, ge=64 * 1024, le=2**31, description="octets of one letter")
    recipients: int = Field(1000, ge=1, le=50_000, description="of one letter")
    request_timeout: float = Field(60.0, gt=0, description="until a request has arrived in full")
    requests: int = Field(200, ge=1, description="requests under way at once in this pod; 503 beyond")
    held: int = Field(
        256 * 1024 * 1024, ge=2**20, description="octets of request bodies in memory; 503 beyond"
    )
    head_start_rate: float = Field(50.0, ge=0, description="letters/s of a tenant to a domain sent at once")
    head_start_burst: float = Field(500.0, ge=0, description="the same, in a burst")

    @field_validator("api_token_file")
    @classmethod
    def _token(cls, path: Path) -> Path:
        try:
            Tokens.read(path)
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from error
        return path

    @field_validator("api_listen")
    @classmethod
    def _address(cls, text: str) -> str:
        host_port(text)
        return text

    @model_validator(mode="after")
    def _certificate(self) -> Self:
        if (self.api_tls_cert is None) != (self.api_tls_key is None):
            raise ValueError("set both YUBIN_API_TLS_CERT and YUBIN_API_TLS_KEY")
        return self

    @property
    def certificate(self) -> tuple[Path, Path] | None:
        """Chain and key: the HTTP clients' own, else the pod's; None (in clear) only under YUBIN_INSECURE."""
        if self.api_tls_cert is not None and self.api_tls_key is not None:
            return self.api_tls_cert, self.api_tls_key
        if self.tls_cert is not None and self.tls_key is not None and not self.insecure:
            return self.tls_cert, self.tls_key
        return None

    @property
    def request_size(self) -> int:
        """A letter in base64 inside JSON, and room for the rest."""
        return self.message_size * 4 // 3 + 256 * 1024
