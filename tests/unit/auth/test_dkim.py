"""DKIM signatures, judged by dkimpy, by a second canonicalization, and by the RFCs' own examples."""

from __future__ import annotations

import base64
import re
import time
from hashlib import sha256

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from dkim.canonicalization import CanonicalizationPolicy, Relaxed
from hypothesis import given
from hypothesis import strategies as st

from yubin.accounts.port import SigningKey
from yubin.auth import dkim
from yubin.errors import Internal

RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()


def _key(private, selector, algorithm):
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(domain="example.org", selector=selector, algorithm=algorithm, private_pem=pem)


RSA_KEY, ED_KEY = _key(RSA, "r1", "rsa-sha256"), _key(ED, "e1", "ed25519-sha256")
DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
RECORD = b"v=DKIM1; k=rsa; p=" + base64.b64encode(DER)
LETTER = (
    b"Received: from somewhere\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.net\r\n"
    b"Subject: =?utf-8?B?5bGx?=\r\n  folded\t text \r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n"
    b"Hello  Bob,\t\r\n\r\n  how are you? \r\n\r\n\r\n"
)


def _dns(name, timeout=5):
    return RECORD if name == b"r1._domainkey.example.org." else None


def _holds(signed: bytes) -> bool:
    try:
        return dkimpy.DKIM(signed).verify(dnsfunc=_dns)
    except dkimpy.DKIMException:
        return False


def test_an_independent_verifier_accepts_the_signature():
    """The verifier dkimpy finds the RSA signature good, with the key that DNS would give."""
    assert _holds(dkim.sign_whole(LETTER, [RSA_KEY], now=1_000_000_000) + LETTER)


def test_one_changed_byte_anywhere_that_is_signed_breaks_it():
    """Every byte of From, To, Subject, Date and body counts; Received does not."""
    signature = dkim.sign_whole(LETTER, [RSA_KEY], now=1_000_000_000)
    assert _holds(signature + LETTER.replace(b"somewhere", b"elsewhere"))
    for old, new in (
        (b"alice@", b"alicf@"),
        (b"bob@", b"rob@"),
        (b"5bGx", b"5bGy"),
        (b"1970", b"1971"),
        (b"you?", b"you!"),
    ):
        assert not _holds(signature + LETTER.replace(old, new))


def test_nobody_can_add_a_from():
    """RFC 6376 8.15: From is signed once more than it occurs."""
    signature = dkim.sign_whole(LETTER, [RSA_KEY], now=0)
    assert not _holds(signature + b"From: mallory@example.org\r\n" + LETTER)


def test_two_keys_sign_the_same_letter():
    """RFC 8463: an RSA and an Ed25519 signature stand side by side; each holds."""
    signatures = dkim.sign_whole(LETTER, [ED_KEY, RSA_KEY], now=1_000_000_000)
    assert dkimpy.DKIM(signatures + LETTER).verify(idx=1, dnsfunc=_dns)
    first = signatures[: signatures.index(b"DKIM-Signature", 1)]
    _check_ed25519(first, LETTER, ED.public_key())


def _check_ed25519(field: bytes, letter: bytes, public) -> None:
    """Verification of RFC 8463 with dkimpy's canonicalization, since its own needs a further library."""
    policy = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    head, _, body = letter.partition(b"\r\n\r\n")
    tags = dict(part.strip().split(b"=", 1) for part in field.partition(b":")[2].split(b";"))
    digest = sha256(policy.canonicalize_body(body)).digest()
    assert re.sub(rb"\s", b"", tags[b"bh"]) == base64.b64encode(digest)
    headers = [tuple(line.split(b":", 1)) for line in re.split(rb"\r\n(?![ \t])", head)]
    names = [name.strip().lower() for name in tags[b"h"].split(b":")]
    signed = dkimpy.select_headers(headers, names)
    unsigned = re.sub(rb"b=[^;=]*=*\s*\Z", b"b=", field)
    canonical = policy.canonicalize_headers([*signed, tuple(unsigned.split(b":", 1))])
    hashed = sha256(b"".join(n.lower() + b":" + v for n, v in canonical).removesuffix(b"\r\n")).digest()
    public.verify(base64.b64decode(re.sub(rb"\s", b"", tags[b"b"])), hashed)


def test_a_changed_letter_breaks_the_ed25519_signature():
    field = dkim.sign_whole(LETTER, [ED_KEY], now=0)
    with pytest.raises(InvalidSignature):
        _check_ed25519(field, LETTER.replace(b"alice@", b"alicf@"), ED.public_key())


RFC8463_SEED = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
RFC8463_PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RFC8463_LETTER = (
    b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"
    b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
)


def test_the_example_of_rfc_8463():
    """RFC 8463 A: the body hash of the example, and a signature that its public key verifies."""
    private = ed25519.Ed25519PrivateKey.from_private_bytes(RFC8463_SEED)
    public = private.public_key()
    assert base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode() == RFC8463_PUBLIC
    field = dkim.sign_whole(RFC8463_LETTER, [_key(private, "brisbane", "ed25519-sha256")], now=1528637909)
    assert b"bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=" in field
    _check_ed25519(field, RFC8463_LETTER, public)


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 3.4.5
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \t \r\n\t\r\n", b""),
        (b"x", b"x\r\n"),
        (b"x \t", b"x\r\n"),
        (b"\r\n\r\nx\r\n \r\n", b"\r\n\r\nx\r\n"),
    ],
)
def test_the_body_examples(body, canonical):
    """RFC 6376 3.4.4 and 3.4.5; an empty body is hashed as nothing (47DEQpj8…)."""
    assert dkim._body_hash(body) == sha256(canonical).digest()


odd = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"  ", b"\r\n", b"\r\n\r\n", b"word", "山".encode()]), max_size=40
)


@given(odd)
def test_odd_white_space_is_hashed_as_dkimpy_does(parts):
    """Runs of white space, blank lines at both ends, empty bodies: the same hash as an independent implementation."""
    body = b"".join(parts)
    if not body.endswith(b"\r\n"):
        body += b"\r\n"  # as SMTP always ends it
    assert dkim._body_hash(body) == sha256(Relaxed.canonicalize_body(body)).digest()


@given(st.binary(max_size=60), st.integers(1, 9))
def test_slices_do_not_change_the_hash(body, size):
    """A large body goes through in slices: wherever the cuts fall, the hash is that of the whole."""
    text = body.replace(b"z", b"\r\n").replace(b"y", b" ")
    whole = dkim._body_hash(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dkim, "_SLICE", size)
        assert dkim._body_hash(memoryview(text)) == whole


@given(odd)
def test_odd_subjects_are_signed_as_dkimpy_reads_them(parts):
    """Folds and tabs in a signed field never break the signature."""
    subject = b"".join(parts).replace(b"\r\n\r\n", b"\r\n ").replace(b"\r\n", b"\r\n ")
    letter = b"From: a@example.org\r\nSubject:" + subject.rstrip(b" \t\r\n") + b"\r\n\r\nbody\r\n"
    assert _holds(dkim.sign_whole(letter, [RSA_KEY], now=0) + letter)


def test_lines_stay_below_78_columns():
    """RFC 5322 2.1.1, with a letter that has every field that is signed."""
    header = b"".join(name.encode() + b": x\r\n" for name in dkim.SIGNED)
    field = dkim.sign(header, b"", [RSA_KEY, ED_KEY], now=1e9)
    assert max(len(line) for line in field.split(b"\r\n")) <= 78


def test_no_keys_no_signature():
    assert dkim.sign(b"From: a@b\r\n", b"", [], now=0) == b""


def test_a_key_of_another_kind_is_a_fault_of_ours():
    """A key that cannot be used is a 4xx that names the selector, never the key."""
    wrong = SigningKey(
        domain="example.org", selector="r1", algorithm="ed25519-sha256", private_pem=RSA_KEY.private_pem
    )
    broken = SigningKey(domain="example.org", selector="r1", algorithm="rsa-sha256", private_pem=b"nonsense")
    for key in (wrong, broken):
        with pytest.raises(Internal) as refused:
            dkim.sign(b"From: a@b\r\n", b"", [key], now=0)
        assert "BEGIN" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [b" " * 5_000_000, b"\r\n" * 2_500_000, b" \r\n" * 1_600_000, b"\t " * 2_500_000, b"\r\n\r" * 1_600_000],
)
def test_hostile_white_space_is_linear(body):
    """CASES I8's neighbour: five megabytes of white space cost less than a second."""
    start = time.process_time()
    dkim._body_hash(body)
    assert time.process_time() - start < 1.0
