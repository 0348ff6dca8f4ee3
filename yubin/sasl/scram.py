"""SCRAM-SHA-256 (RFC 5802, RFC 7677): the four messages, the verifier, and the proof.

    C  n,,n=user,r=cnonce                    ClientFirst.parse
    S  r=cnonce+snonce,s=salt,i=4096         server_first
    C  c=biws,r=cnonce+snonce,p=proof        ClientFinal.parse
    S  v=signature                           proven

Pure: nonces and salts are arguments. The mechanism itself, as a listener sees it, passes the messages on to whoever
keeps the verifiers and never looks into them.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from yubin.errors import Invalid
from yubin.sasl import gs2
from yubin.sasl.mechanism import (
    MESSAGE_LIMIT,
    Challenge,
    Offer,
    Proven,
    ScramFinal,
    ScramFirst,
    Steps,
    malformed,
)
from yubin.sasl.prep import prepared

NAME = "SCRAM-SHA-256"
LEAST = 4096  # iterations (RFC 7677 4)
NONCE_LIMIT = 256
_NONCE = re.compile(rb"[\x21-\x2b\x2d-\x7e]{1,%d}" % NONCE_LIMIT)
_ATTRIBUTE = re.compile(rb"[A-Za-z]=[^\0,]+")


def scram(initial: bytes | None) -> Steps:
    first: bytes = (yield Challenge(octets=b"")) if initial is None else initial
    offer: Offer = yield ScramFirst(message=_bounded(first))
    final: bytes = yield Challenge(octets=offer.message)
    proven: Proven = yield ScramFinal(message=_bounded(final), state=offer.state)
    if (yield Challenge(octets=proven.message)):  # now the client knows who we are, and has nothing to add
        raise malformed(NAME)
    return proven.who


@dataclass(frozen=True, kw_only=True)
class ClientFirst:
    """``bare`` is client-first-message-bare, a part of what is signed."""

    gs2: gs2.Gs2
    username: str
    nonce: bytes
    bare: bytes

    @classmethod
    def parse(cls, message: bytes) -> ClientFirst:
        header, bare = gs2.parse(_bounded(message), NAME)
        attributes = _attributes(bare)
        if attributes[0].startswith(b"m="):  # RFC 5802 5.1: an extension that we must understand, and do not
            raise Invalid("Extensions of SCRAM are not supported", enhanced="5.5.4")
        if len(attributes) < 2 or not attributes[0].startswith(b"n=") or not attributes[1].startswith(b"r="):
            raise malformed(NAME)
        nonce = attributes[1][2:]
        if not _NONCE.fullmatch(nonce):
            raise malformed(NAME)
        username = prepared(gs2.saslname(attributes[0][2:], NAME))
        return cls(gs2=header, username=username, nonce=nonce, bare=bare)


@dataclass(frozen=True, kw_only=True)
class ClientFinal:
    """``unproven`` is client-final-message-without-proof."""

    binding: bytes
    nonce: bytes
    proof: bytes = field(repr=False)
    unproven: bytes

    @classmethod
    def parse(cls, message: bytes) -> ClientFinal:
        unproven, mark, proof = _bounded(message).rpartition(b",p=")
        attributes = _attributes(unproven) if mark else []
        if len(attributes) < 2 or not attributes[0].startswith(b"c=") or not attributes[1].startswith(b"r="):
            raise malformed(NAME)
        return cls(
            binding=_base64(attributes[0][2:]),
            nonce=attributes[1][2:],
            proof=_base64(proof),
            unproven=unproven,
        )


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """What the server keeps of a password (RFC 5802 3). Whoever has it can try passwords, and play the server."""

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str, salt: bytes, iterations: int) -> Verifier:
        """Slow on purpose: not for an event loop."""
        salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        server = hmac.digest(salted, b"Server Key", "sha256")
        return cls(salt=salt, iterations=iterations, stored_key=stored, server_key=server)

    def __str__(self) -> str:
        """RFC 5803 2; never logged."""
        salt, stored, server = map(_text, (self.salt, self.stored_key, self.server_key))
        return f"{NAME}${self.iterations}:{salt}${stored}:{server}"

    @classmethod
    def parse(cls, written: str) -> Verifier:
        """Raises ValueError."""
        name, cost, keys = written.split("$")
        iterations, salt = cost.split(":")
        stored, server = keys.split(":")
        if name != NAME:
            raise ValueError("another mechanism's")
        salted, stored_key, server_key = (
            binascii.a2b_base64(t, strict_mode=True) for t in (salt, stored, server)
        )
        return cls(salt=salted, iterations=int(iterations), stored_key=stored_key, server_key=server_key)


def server_first(first: ClientFirst, nonce: bytes, verifier: Verifier) -> bytes:
    salt = _text(verifier.salt).encode()
    return b"r=%b%b,s=%b,i=%d" % (first.nonce, nonce, salt, verifier.iterations)


def proven(verifier: Verifier, first: ClientFirst, offered: bytes, final: ClientFinal) -> bytes | None:
    """server-final-message, or None where the proof, the nonce or the gs2-header is not the one of this exchange."""
    nonce = offered.partition(b",")[0].removeprefix(b"r=")
    if not hmac.compare_digest(final.nonce, nonce) or final.binding != first.gs2.header:
        return None
    signed = b"%b,%b,%b" % (first.bare, offered, final.unproven)
    signature = hmac.digest(verifier.stored_key, signed, "sha256")
    if len(final.proof) != len(signature):
        return None
    client_key = bytes(a ^ b for a, b in zip(final.proof, signature, strict=True))
    if not hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key):
        return None
    return b"v=" + _text(hmac.digest(verifier.server_key, signed, "sha256")).encode()


def _attributes(octets: bytes) -> list[bytes]:
    found = octets.split(b",")
    if not all(map(_ATTRIBUTE.fullmatch, found)):
        raise malformed(NAME)
    return found


def _bounded(message: bytes) -> bytes:
    if len(message) > MESSAGE_LIMIT:
        raise malformed(NAME)
    return message


def _base64(octets: bytes) -> bytes:
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error as error:
        raise malformed(NAME) from error


def _text(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).decode()
