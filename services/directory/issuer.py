"""The issuer of bearer tokens: JWTs (RFC 7519) that somebody else signs, checked as RFC 8725 and RFC 9068 4 say.

The algorithm must be one of ours, and must be the one that the key is for: never "none", never an HMAC (with a public
key as its secret, for one). Issuer and audience are compared exactly, times with 60 s to spare. No key is ever fetched:
the keys are a file (JWKS, RFC 7517), read again when it has changed; while a new one cannot be read, the old ones stay.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from yubin.sasl.mechanism import TOKEN_LIMIT, wrong

log = structlog.get_logger()
LEEWAY = 60.0
FILE_LIMIT = 1024 * 1024
RSA_LEAST = 2048  # bits (RFC 7518 3.3)
TRIED = 8  # keys, where a token does not say which
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})  # RFC 9068 2.1
ALGORITHMS: dict[str, tuple[type[Key], str]] = {  # and the curve
    "RS256": (RSAKey, ""),
    "PS256": (RSAKey, ""),
    "ES256": (ECKey, "P-256"),
    "EdDSA": (OKPKey, "Ed25519"),
    "Ed25519": (OKPKey, "Ed25519"),
}
KINDS = frozenset({"RSA", "EC", "OKP"})
_WRONG = (
    JoseError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)  # what strangers make of base64 and JSON


class KeyFile:
    """Raises OSError and ValueError when it is made and the file is no JWKS."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = self._stamp()
        self._keys = self._read()

    def keys(self) -> Sequence[Key]:
        try:
            stamp = self._stamp()
            if stamp != self._read_at:
                self._read_at = stamp
                self._keys = self._read()
                log.info("The issuer's keys were read again.", action="oauth", keys=len(self._keys))
        except (OSError, *_WRONG) as error:
            log.warning(
                "The issuer's keys cannot be read; the old ones stay.", action="oauth", why=str(error)
            )
        return self._keys

    def _stamp(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> list[Key]:
        if self._path.stat().st_size > FILE_LIMIT:
            raise ValueError(f"a JWKS file has at most {FILE_LIMIT} octets")
        try:
            given = json.loads(self._path.read_bytes())
            found = KeySet.import_key_set(
                {"keys": [_two_names(key) for key in given["keys"] if key["kty"] in KINDS]}
            ).keys
        except _WRONG as error:
            raise ValueError(f"{self._path} holds no JWKS (RFC 7517)") from error
        usable = [key for key in found if _usable(key)]
        if not usable:
            raise ValueError(f"{self._path} holds no key for {', '.join(ALGORITHMS)}")
        return usable


@dataclass(frozen=True, kw_only=True)
class Named:
    """Whom a token names, and until when (Unix seconds)."""

    name: str
    until: float


class Issuer:
    """``claim`` is the one that holds the address: email, preferred_username or sub."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        claim: str,
        keys: Callable[[], Sequence[Key]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer, self._audience, self._claim = issuer, audience, claim
        self._keys, self._clock = keys, clock

    def check(self, token: str) -> Named:
        """Raises Unauthenticated; why is for the log."""
        try:
            return self._named(self._verified(token))
        except _WRONG as error:
            log.info("A token was refused.", action="oauth", why=_why(error))
            raise wrong() from error

    def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_LIMIT or token.count(".") != 2:  # five parts would be encrypted
            raise _Refused("no signed JWT")
        header = _header(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise _Refused("algorithm")
        if "typ" in header and str(header["typ"]).lower() not in TYPES:
            raise _Refused("typ")
        for key in self._candidates(algorithm, header.get("kid")):
            try:
                return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
            except JoseError:
                continue
        raise _Refused("signature")

    def _candidates(self, algorithm: str, kid: object) -> Sequence[Key]:
        kind, curve = ALGORITHMS[algorithm]
        fitting = [
            key
            for key in self._keys()
            if isinstance(key, kind)
            and (not curve or key.get("crv") == curve)
            and key.get("alg") in {None, algorithm}
            and (kid is None or key.kid == kid)
        ]
        return fitting[:TRIED]

    def _named(self, claims: dict[str, Any]) -> Named:
        now, until = self._clock(), _time(claims, "exp")
        if until is None or until + LEEWAY <= now:
            raise _Refused("exp")
        if any((_time(claims, name) or 0.0) - LEEWAY > now for name in ("nbf", "iat")):
            raise _Refused("nbf")
        if claims.get("iss") != self._issuer:
            raise _Refused("iss")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _Refused("aud")
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise _Refused(self._claim)
        if self._claim == "email" and claims.get("email_verified", True) is not True:
            raise _Refused("email_verified")  # where people may claim any address
        return Named(name=name, until=until)


class _Refused(ValueError):  # noqa: N818 - a verdict, not a fault
    """Its text is ours."""


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, _Refused) else type(error).__name__


def _header(token: str) -> dict[str, Any]:
    part = token.partition(".")[0]
    header = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(header, dict):
        raise _Refused("header")
    return header


def _two_names(key: dict[str, Any]) -> dict[str, Any]:
    """EdDSA of RFC 8037 and Ed25519 of RFC 9864 are one algorithm; a key that says either is good for both."""
    if key.get("kty") != "OKP":
        return key
    return {name: value for name, value in key.items() if name != "alg"}


def _time(claims: dict[str, Any], name: str) -> float | None:
    """NumericDate (RFC 7519 2)."""
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _Refused(name)
    return float(found)


def _usable(key: Key) -> bool:
    if key.get("use") not in {None, "sig"}:
        return False
    if isinstance(key, RSAKey):
        return key.raw_value.key_size >= RSA_LEAST
    return any(isinstance(key, kind) and key.get("crv") == curve for kind, curve in ALGORITHMS.values())
