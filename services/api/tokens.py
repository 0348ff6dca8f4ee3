"""Who is asking: a bearer token (RFC 6750 2.1) from a file, compared in constant time.

One token for the operator now; ``Principal`` is where a tenant and a role of others will stand.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from yubin.errors import Unauthenticated

SHORTEST = 20


@dataclass(frozen=True, kw_only=True)
class Principal:
    """``tenant`` None: all of them."""

    role: str
    tenant: str | None = None


class Tokens:
    """Holds hashes only."""

    def __init__(self, operator: str) -> None:
        if len(operator) < SHORTEST:
            raise ValueError(f"the operator's token must have {SHORTEST} characters or more")
        self._operator = sha256(operator.encode()).digest()

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Raises ValueError, OSError."""
        return cls(path.read_text(encoding="utf-8").strip())

    def principal(self, authorization: str) -> Principal:
        """Of the value of an Authorization field; raises Unauthenticated."""
        scheme, _, token = authorization.partition(" ")
        given = sha256(token.strip().encode("utf-8", "replace")).digest()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._operator):
            raise Unauthenticated("give the API token: Authorization: Bearer …")
        return Principal(role="operator")
