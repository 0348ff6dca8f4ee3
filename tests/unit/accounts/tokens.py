"""An issuer of bearer tokens."""

import base64
import hmac
import json

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

NOW = 1_794_000_000.0
ISSUER, AUDIENCE = "https://login.example", "yubin"
KEYS = {
    "RS256": RSAKey.generate_key(2048, {"kid": "r"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "p", "alg": "PS256"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "e", "use": "sig"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "o"}),
}
SYMMETRIC = OctKey.import_key("0123456789abcdef0123456789abcdef", {"kid": "s"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "r"})


BARE = RSAKey.import_key(
    {name: value for name, value in KEYS["PS256"].as_dict(private=True).items() if name != "alg"}
)


def jwks(*keys):
    """The Ed25519 key calls its algorithm by the older name."""
    made = KeySet(list(keys or KEYS.values())).as_dict(private=False)
    for key in made["keys"]:
        if key["kty"] == "OKP":
            key["alg"] = "EdDSA"
    return json.dumps(made)


def claims(now=NOW, **changes):
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(now) + 300,
        "iat": int(now),
        "email": "anna@a.example",
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def token(algorithm="RS256", *, key=None, header=(), now=NOW, **changes):
    key = key or KEYS[algorithm]
    made = {"alg": algorithm, "kid": key.kid} | dict(header)
    made = {name: value for name, value in made.items() if value is not None}
    return jwt.encode(made, claims(now, **changes), key, algorithms=[algorithm])


def unsigned(header, **changes):
    """With whatever header, and the signature empty."""
    return ".".join([*map(_part, (header, claims(**changes))), ""])


def signed(header, **changes):
    """With whatever header, and our own RSA key."""
    octets = ".".join(map(_part, ({"alg": "RS256", "kid": "r"} | header, claims(**changes))))
    signature = KEYS["RS256"].raw_value.sign(octets.encode(), PKCS1v15(), SHA256())
    return f"{octets}.{_b64(signature)}"


def confused(secret, **changes):
    """HS256 with a public key as its secret (RFC 8725 2.1)."""
    signed = ".".join(map(_part, ({"alg": "HS256", "kid": "r"}, claims(**changes))))
    return f"{signed}.{_b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _part(value):
    return _b64(json.dumps(value).encode())


def _b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
