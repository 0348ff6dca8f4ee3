"""Settings of the mailbox pod."""

from __future__ import annotations

from pydantic import Field

from yubin.runtime.settings import PodSettings


class Settings(PodSettings):
    """Sizes in octets, durations in seconds."""

    mailboxes_url: str = Field(
        pattern="^(memory:|sqlite:///|postgresql://|postgres://)",
        description="where mailboxes are kept: postgresql://…, sqlite:///absolute/path or memory:",
    )
    objects_url: str = Field(description="s3://bucket/prefix, file:///absolute/folder or memory:")
    directory: str = Field("directory:7000", description="the directory pods, host:port")
    quota: int = Field(0, ge=0, description="of an account that has none of its own; 0: no limit")
    letter_size: int = Field(
        64 * 1024 * 1024, ge=64 * 1024, le=2**31, description="of a letter that a reader appends"
    )
    letters_in_memory: int = Field(
        512 * 1024 * 1024, ge=2**20, description="of letters being read and written at once"
    )
    letters_kept: int = Field(
        16 * 1024 * 1024,
        ge=0,
        description="of small letters that were delivered or read lately: who reads them next does not ask the database; 0: none",
    )
    views_kept: int = Field(
        16 * 1024 * 1024,
        ge=0,
        description="of mailboxes that were looked at lately, 32 for a message: of them only news are asked for; 0: none",
    )
    session_keys_every: float = Field(60.0, gt=0, le=3600, description="between two looks for session keys")
    index: bool = Field(
        default=True, description="this pod writes the search index; false where others are there for it"
    )
    index_batch: int = Field(50, ge=1, le=1000, description="letters that are indexed at a time")
    index_poll: float = Field(5.0, gt=0, le=3600, description="between two looks for letters to index")
    sweep_every: float = Field(60.0, gt=0, le=86_400, description="between two sweeps of what is expunged")
    orphans_every: float = Field(
        21_600.0, gt=0, le=604_800, description="between two looks for bodies that no letter has"
    )
