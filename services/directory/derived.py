"""Keys of their own for each purpose, from the one secret that all directory pods share (RFC 5869 3.2)."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(secret: bytes, purpose: str) -> bytes:
    """32 octets. ``purpose`` names it with a version: ``scram state 1``."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"yubin {purpose}".encode()).derive(secret)
