"""Settings of the delivery pod."""

from __future__ import annotations

from pydantic import Field, field_validator

from yubin.runtime.settings import PodSettings


class Settings(PodSettings):
    """Durations in seconds."""

    ledger_url: str = Field(description="postgresql://…, sqlite:///absolute/path or memory:")
    objects_url: str = Field(description="s3://bucket/prefix, file:///absolute/folder or memory:")
    resolver: str = Field("resolver:7000", description="the resolver pods, host:port")
    directory: str = Field("directory:7000", description="the directory pods, host:port")
    mailbox: str = Field("mailbox:7000", description="the mailbox pods, host:port")
    hostname: str = Field(description="the name said in EHLO and in DSNs; its A and PTR records should agree")
    smtp_port: int = Field(25, ge=1, le=65535, description="the port of other people's mail servers")
    slots: int = Field(400, ge=1, le=20_000, description="deliveries under way at once in this pod")
    site_connections: int = Field(20, ge=1, le=1000, description="connections to one site from this pod")
    letters_per_connection: int = Field(
        100, ge=1, description="letters sent over one connection before it is closed"
    )
    connection_idle: float = Field(5.0, ge=0, le=300, description="how long an idle connection is kept")
    lease: float = Field(60.0, ge=20, le=3600, description="how long a claim lasts unless renewed")
    poll: float = Field(1.0, gt=0, le=60, description="how often the ledger is asked for deferred mail")
    retry: str = Field(
        "300,600,1200,2400,4800,9600,14400", description="waits between attempts; the last one repeats"
    )
    head_start: float = Field(
        30.0, ge=1, le=600, description="how long published work belongs to the fresh lane"
    )
    delay_notice: float = Field(
        4 * 3600.0, ge=60, description="when a sender hears that a letter is late, once"
    )
    reports_every: float = Field(10.0, gt=0, description="how often overdue DSNs are looked for")
    connect_timeout: float = Field(30.0, gt=0, le=300, description="for one TCP connection to a mail server")
    attempt_cap: float = Field(900.0, gt=30, le=3600, description="the longest that one attempt may take")

    @field_validator("retry")
    @classmethod
    def _steps(cls, text: str) -> str:
        steps = [float(step) for step in text.split(",")]
        if not steps or min(steps) <= 0:
            raise ValueError("give waits in seconds, such as 300,600,1200")
        return text

    @property
    def retry_steps(self) -> tuple[float, ...]:
        return tuple(float(step) for step in self.retry.split(","))
