"""Settings come from the environment, and from nowhere else.

Each pod has one ``Settings`` class; a field ``smtp_port`` is the variable ``YUBIN_SMTP_PORT``. A wrong value ends the
process at start with a line that names the variable; no pod runs half-configured.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "YUBIN_"


class PodSettings(BaseSettings):
    """What every pod understands. Addresses are ``host:port``, durations seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    grpc_listen: str = Field("0.0.0.0:7000", description="gRPC over mutual TLS, for other pods")
    health_listen: str = Field("0.0.0.0:7001", description="gRPC health only, in clear, for the kubelet")
    metrics_listen: str = Field("0.0.0.0:7002", description="Prometheus metrics over HTTP")
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="least level that is logged"
    )
    tls_ca: Path | None = Field(None, description="PEM file: the CA that signs the pods' certificates")
    tls_cert: Path | None = Field(None, description="PEM file: this pod's certificate chain")
    tls_key: Path | None = Field(None, description="PEM file: this pod's private key")
    insecure: bool = Field(default=False, description="no TLS between pods; for tests only")
    otlp_endpoint: str | None = Field(
        None, description="OTLP/gRPC collector, e.g. http://otel:4317; empty: no traces"
    )
    trace_ratio: float = Field(0.01, ge=0, le=1, description="share of letters that are traced")
    nats_url: str = Field("tls://nats:4222", description="NATS servers, comma-separated")
    grace: float = Field(
        30.0, ge=0, le=3600, description="seconds that a stopping pod gives to work under way"
    )
    fault: str | None = Field(
        None, description="tests only: kill this process at a crash point, NAME or NAME:COUNT"
    )

    @model_validator(mode="after")
    def _tls_is_whole(self) -> PodSettings:
        if not self.insecure:
            missing = [
                f"{PREFIX}{n.upper()}" for n in ("tls_ca", "tls_cert", "tls_key") if getattr(self, n) is None
            ]
            if missing:
                raise ValueError(
                    f"set {', '.join(missing)} (mutual TLS), or {PREFIX}INSECURE=true for a test"
                )
        return self


S = TypeVar("S", bound=PodSettings)


def load(kind: type[S]) -> S:
    """Settings of this process; prints what is wrong and exits with 2 otherwise."""
    try:
        return kind()
    except ValidationError as error:
        for line in problems(error):
            print(line, file=sys.stderr)  # noqa: T201 - logging is not set up yet
        raise SystemExit(2) from None


def problems(error: ValidationError) -> list[str]:
    """One line for each wrong variable; never the value, which may be a secret."""
    lines = []
    for item in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in item["loc"]).upper()
        where = f"{PREFIX}{name}: " if name else ""
        lines.append(f"{where}{item['msg'].removeprefix('Value error, ')}")
    return lines


def host_port(text: str) -> tuple[str, int]:
    """``127.0.0.1:25``, ``[::1]:25`` or ``:25`` (all addresses); raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not host:port")
    return host.strip("[]") or "0.0.0.0", int(port)
