"""The directory from another pod: ``RemoteDirectory`` (Authenticator, SigningKeys) and ``DirectoryAdmin``."""

from __future__ import annotations

from yubin.accounts.administration import DirectoryAdmin

__all__ = ["DirectoryAdmin"]
