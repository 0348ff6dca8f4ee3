"""Sealing: how a DKIM private key rests in the store.

With a key in the settings: one version octet, a nonce of 12, AES-256-GCM over the PEM (NIST SP 800-38D), bound to the
domain and the selector, so that a row copied to another domain does not open. Without one: the PEM as it is. What
was stored before a key was set is still read, and is sealed at its next rotation.
"""

from __future__ import annotations

import os
from base64 import b64decode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yubin.errors import Unavailable

VERSION = b"\x01"
NONCE = 12
PEM = b"-----BEGIN"


def read_key(text: str) -> bytes:
    """32 octets in base64; raises ValueError."""
    key = b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("must be 32 octets in base64: openssl rand -base64 32")
    return key


class Seal:
    def __init__(self, key: bytes | None) -> None:
        self._cipher = None if key is None else AESGCM(key)

    def close(self, pem: bytes, domain: str, selector: str) -> bytes:
        if self._cipher is None:
            return pem
        nonce = os.urandom(NONCE)
        return VERSION + nonce + self._cipher.encrypt(nonce, pem, _bound(domain, selector))

    def open(self, sealed: bytes, domain: str, selector: str) -> bytes:
        """Raises Unavailable when this process has not the key that sealed it."""
        if sealed.startswith(PEM):
            return sealed
        if self._cipher is None or not sealed.startswith(VERSION):
            raise Unavailable("the signing keys of this domain cannot be read")
        nonce, rest = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
        try:
            return self._cipher.decrypt(nonce, rest, _bound(domain, selector))
        except InvalidTag as error:
            raise Unavailable("the signing keys of this domain cannot be read") from error


def _bound(domain: str, selector: str) -> bytes:
    return f"{selector}._domainkey.{domain}".encode()
