"""DKIM key pairs: the private half as PKCS#8 PEM, the public half as the TXT record to publish.

RSA has 2048 bits (RFC 8301 3.2: at least 1024, and 2048 is what every verifier takes and one UDP answer holds);
Ed25519 is RFC 8463. A TXT value above 255 octets is cut into strings by whoever writes the zone (RFC 6376 3.6.2.2).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from yubin.errors import Invalid

RSA_BITS = 2048
NAME_LIMIT = 253
# RFC 6376 3.1: selector = sub-domain *( "." sub-domain ); RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str]
_SELECTOR = re.compile(r"(?!.{64})[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    algorithm: str
    private_pem: bytes = field(repr=False)
    text: str  # the TXT value


def make(algorithm: str) -> KeyPair:
    """A new pair for ``rsa-sha256`` (some 40 ms of CPU, outside the interpreter's lock) or ``ed25519-sha256``."""
    if algorithm == "rsa-sha256":
        return _rsa()
    if algorithm == "ed25519-sha256":
        return _ed25519()
    raise Invalid("a DKIM algorithm is rsa-sha256 or ed25519-sha256")


def check_selector(text: str) -> str:
    """The selector in lower case; raises Invalid."""
    selector = text.lower()
    if not _SELECTOR.fullmatch(selector):
        raise Invalid("a DKIM selector is at most 63 letters, digits and hyphens, as in y202611")
    return selector


def record_name(selector: str, domain: str) -> str:
    """RFC 6376 3.6.2.1; raises Invalid when DNS cannot hold it."""
    name = f"{selector}._domainkey.{domain}"
    if len(name) > NAME_LIMIT:
        raise Invalid("the selector is too long for this domain: no DNS name has more than 253 octets")
    return name


def _rsa() -> KeyPair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    # RFC 6376 3.6.1: p= is the SubjectPublicKeyInfo, as every signer and verifier has it (erratum 3017)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _pair("rsa-sha256", "rsa", key, public)


def _ed25519() -> KeyPair:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)  # RFC 8463 4: the bare 32 octets
    return _pair("ed25519-sha256", "ed25519", key, public)


def _pair(
    algorithm: str, kind: str, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, public: bytes
) -> KeyPair:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    text = f"v=DKIM1; k={kind}; p={b64encode(public).decode('ascii')}"
    return KeyPair(algorithm=algorithm, private_pem=pem, text=text)
