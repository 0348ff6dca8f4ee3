"""Verifiers: what SCRAM needs of a password (RFC 5803), made beside its hash and kept sealed.

A verifier is cheaper to try passwords against than an argon2id hash (PBKDF2 needs no memory), and its ServerKey plays
our part to a client. So it rests sealed with a key that is not in the store: whoever steals the store alone has nothing
of it. Without a key in the settings it is stored as it is, and is sealed when it is next made. ``fake`` is what is
offered to a login that has none: its salt is an HMAC of the login, so that asking again shows the same.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.directory.derived import derived
from services.directory.passwords import Hasher
from yubin.accounts.port import SCRAM, Credential
from yubin.errors import Unavailable
from yubin.sasl import scram
from yubin.sasl.scram import Verifier

ITERATIONS = 100_000
SALT, NONCE = 16, 12  # octets
_SEALED = "1:"


class Verifiers:
    """``secret`` is shared by all directory pods. ``sealing`` False: the store holds them in clear."""

    def __init__(self, hasher: Hasher, secret: bytes, *, sealing: bool, iterations: int = ITERATIONS) -> None:
        self._hasher, self._iterations = hasher, iterations
        self._cipher = AESGCM(derived(secret, "scram verifier 1")) if sealing else None
        self._fakes = derived(secret, "scram fake 1")

    async def make(self, account: str, password: str) -> Credential:
        """``password`` as ``opaque`` gave it. Raises Exhausted (454 4.7.0)."""
        salt = os.urandom(SALT)
        made = await self._hasher.run(lambda: Verifier.of(password, salt, self._iterations))
        return Credential(account=account, kind=SCRAM, value=self._close(str(made), account))

    def open(self, credential: Credential) -> Verifier:
        """Raises Unavailable for what this process cannot read."""
        try:
            return Verifier.parse(self._opened(credential))
        except (ValueError, InvalidTag) as error:
            raise Unavailable("The verifier of this account cannot be read") from error

    def stale(self, credential: Credential) -> bool:
        """True when it was made with other iterations, or could be sealed and is not."""
        try:
            cost = self.open(credential).iterations
        except Unavailable:
            return True
        return cost != self._iterations or credential.value.startswith(_SEALED) != (self._cipher is not None)

    def fake(self, address: str) -> Verifier:
        """Nobody's: no proof fits."""
        salt = hmac.digest(self._fakes, address.encode(), "sha256")[:SALT]
        return Verifier(
            salt=salt,
            iterations=self._iterations,
            stored_key=os.urandom(32),
            server_key=os.urandom(32),
        )

    def _close(self, text: str, account: str) -> str:
        if self._cipher is None:
            return text
        nonce = os.urandom(NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), account.encode())
        return _SEALED + b64encode(sealed).decode()

    def _opened(self, credential: Credential) -> str:
        if credential.value.startswith(scram.NAME):
            return credential.value
        sealed = b64decode(credential.value.removeprefix(_SEALED), validate=True)
        if self._cipher is None or not credential.value.startswith(_SEALED):
            raise ValueError("sealed with a key that this process has not")
        return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], credential.account.encode()).decode()
