"""Session tokens: what the mailbox pod takes for an account (DESIGN 6), a JWT (RFC 7519) signed with Ed25519 (RFC 8032).

The directory signs; whoever holds its public keys checks, without a call. Every directory pod derives the same private
key from a secret that all of them have, so that no table holds it. The algorithm is named on both sides and never
taken from the token: "none", HMAC with a public key and the like do not come into question (RFC 8725 3.1). A token that
was checked is remembered until it ends, under its SHA-256, in a table of bounded size; one that failed never is.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from yubin.errors import Invalid, Unauthenticated

ALGORITHM = "Ed25519"  # RFC 9864 2.2; the "EdDSA" of RFC 8037 is deprecated by it
AUDIENCE = "mailbox"
LASTS = 900.0  # seconds
TOKEN_LIMIT = 2048  # characters; ours have about 260
ENTRIES = 20_000
_PURPOSE = b"yubin session 1"  # the secret serves other purposes too: RFC 5869 3.2


@dataclass(frozen=True, kw_only=True)
class Claims:
    """``quota`` in bytes, 0: the pod's default. ``until`` Unix seconds."""

    account: str
    quota: int
    until: float


class SessionSigner:
    """``secret`` has at least 16 octets. ``public`` is the raw public key, 32 octets."""

    def __init__(
        self, secret: bytes, *, lasts: float = LASTS, clock: Callable[[], float] = time.time
    ) -> None:
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = private.public_key().public_bytes_raw()
        self.lasts = lasts
        self._key, self._clock = OKPKey.import_key(private), clock

    def issue(self, account_id: str, quota: int) -> str:
        claims = {
            "sub": account_id,
            "aud": AUDIENCE,
            "exp": int(self._clock() + self.lasts),
            "quota": quota,
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key, algorithms=[ALGORITHM])


class SessionVerifier:
    """``keys`` are raw public keys; a token of any of them holds. Raises Invalid for what is no key."""

    def __init__(
        self, keys: Sequence[bytes], *, entries: int = ENTRIES, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys = [_public(key) for key in keys]
        self._entries, self._clock = entries, clock
        self._checked: OrderedDict[bytes, Claims] = OrderedDict()

    def check(self, token: str) -> Claims:
        """Raises Unauthenticated."""
        if not 0 < len(token) <= TOKEN_LIMIT:
            raise _refused()
        key = sha256(token.encode(errors="surrogatepass")).digest()
        claims = self._checked.get(key)
        if claims is None:
            claims = self._verified(token)
        if claims.until <= self._clock():
            self._checked.pop(key, None)
            raise _refused()
        self._checked[key] = claims
        self._checked.move_to_end(key)
        if len(self._checked) > self._entries:
            self._checked.popitem(last=False)
        return claims

    def _verified(self, token: str) -> Claims:
        for key in self._keys:
            try:
                return _claims(jwt.decode(token, key, algorithms=[ALGORITHM]).claims)
            except (
                JoseError,
                ValueError,
                TypeError,
                KeyError,
            ):  # what strangers make of base64, JSON and headers
                continue
        raise _refused()


def _claims(claims: jwt.Claims) -> Claims:
    """Raises ValueError."""
    account, quota, until = claims.get("sub"), claims.get("quota"), claims.get("exp")
    if claims.get("aud") != AUDIENCE:  # RFC 7519 4.1.3
        raise ValueError("for somebody else")
    if not isinstance(account, str) or not account or type(quota) is not int or type(until) is not int:
        raise ValueError("not all claims are there")
    return Claims(account=account, quota=quota, until=until)


def _public(key: bytes) -> OKPKey:
    try:
        return OKPKey.import_key(Ed25519PublicKey.from_public_bytes(key))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("a session key is 32 octets of Ed25519") from error


def _refused() -> Unauthenticated:
    return Unauthenticated("The session has ended")
