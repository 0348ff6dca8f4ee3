"""A certificate authority of one's own, for one machine (DESIGN section 6): what `yubin up` and the tests trust.

``make_ca(folder)`` keeps ``ca.pem`` and ``ca.key`` in a folder, ``issue(folder, name)`` keeps ``<name>.pem`` and
``<name>.key`` beside them. Both leave alone what still holds, so they may be called at every start, and make anew what
is missing, broken, nearly over, signed by another CA, or asked for other names. A certificate serves as server and as
client. Its *identity* for those it calls is the DNS name that ends in ``.pod.yubin``; one without such a name (a mail
program's side) is nobody inside.

Keys are ECDSA P-256 (a handshake costs 1.35 ms; RSA-2048 1.8 ms), unencrypted, mode 0600, and never leave the folder.
A file is written aside and renamed, key before certificate: a crash between leaves a pair that does not match, which
the next call makes anew.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POD_SUFFIX = ".pod.yubin"
LOCAL = ("localhost", "127.0.0.1", "::1")
CA_LIFE = dt.timedelta(days=3650)
LEAF_LIFE = dt.timedelta(days=397)
RENEW_BEFORE = dt.timedelta(days=30)
_BACKDATED = dt.timedelta(hours=1)  # clocks of containers differ a little


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Three PEM files; ``ca`` is what the peer's certificate is checked against."""

    ca: Path
    cert: Path
    key: Path


def pod_names(pod: str) -> tuple[str, ...]:
    """The names of a pod's certificate on one machine: its identity, then where it listens."""
    return (pod + POD_SUFFIX, *LOCAL)


def identity(certificate: x509.Certificate) -> str | None:
    """The pod that a certificate speaks for, or None."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for name in names.get_values_for_type(x509.DNSName):
        if name.endswith(POD_SUFFIX):
            return name.removesuffix(POD_SUFFIX)
    return None


def make_ca(folder: Path, *, now: dt.datetime | None = None) -> Path:
    """The path of ``ca.pem``; a CA that is nearly over is replaced, and with it all that it had signed."""
    moment = now or dt.datetime.now(dt.UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, key_path = folder / "ca.pem", folder / "ca.key"
    if _pair(path, key_path, moment) is not None:
        return path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Yubin local CA")])
    builder = _draft(name, name, key, moment, CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    builder = builder.add_extension(_authority(key.public_key()), critical=False)
    _store(path, key_path, builder.sign(key, hashes.SHA256()), key)
    return path


def issue(
    folder: Path, name: str, sans: Iterable[str] | None = None, *, now: dt.datetime | None = None
) -> Credentials:
    """``<name>.pem`` and ``<name>.key`` for ``sans`` (DNS names and IP addresses; default: ``pod_names(name)``)."""
    moment = now or dt.datetime.now(dt.UTC)
    wanted = tuple(pod_names(name) if sans is None else sans)
    ca_path = make_ca(folder, now=now)
    issuer = _pair(ca_path, folder / "ca.key", moment)
    if issuer is None:
        raise ValueError(f"{ca_path} cannot be read")
    made = Credentials(ca=ca_path, cert=folder / f"{name}.pem", key=folder / f"{name}.key")
    have = _pair(made.cert, made.key, moment)
    if have is None or not _signed(have[0], issuer[0]) or _names(have[0]) != _general(wanted):
        key = ec.generate_private_key(ec.SECP256R1())
        _store(made.cert, made.key, _leaf(name, wanted, key, issuer, moment), key)
    return made


_Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _leaf(
    name: str, sans: Iterable[str], key: ec.EllipticCurvePrivateKey, issuer: _Pair, now: dt.datetime
) -> x509.Certificate:
    ca, ca_key = issuer
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _draft(subject, ca.subject, key, now, LEAF_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(_general(sans)), critical=False)
    builder = builder.add_extension(_authority(ca_key.public_key()), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _draft(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """RFC 5280 4.2.1.3: the CA signs certificates and lists, a leaf signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _general(sans: Iterable[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for text in sans:
        try:
            names.append(x509.IPAddress(ip_address(text)))
        except ValueError:
            names.append(x509.DNSName(text))
    return names


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _signed(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _pair(cert: Path, key: Path, now: dt.datetime) -> _Pair | None:
    """A certificate with its key, unless missing, broken, not each other's, or nearly over."""
    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if (
        not isinstance(private, ec.EllipticCurvePrivateKey)
        or private.public_key() != certificate.public_key()
    ):
        return None
    return None if certificate.not_valid_after_utc - now < RENEW_BEFORE else (certificate, private)


def _store(cert: Path, key: Path, certificate: x509.Certificate, private: ec.EllipticCurvePrivateKey) -> None:
    _write(key, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _write(cert, certificate.public_bytes(Encoding.PEM), 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
