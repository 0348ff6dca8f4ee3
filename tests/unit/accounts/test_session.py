"""Session tokens: who made them, for whom, and until when."""

import base64
import hmac
import json
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey

from tests.unit.accounts.directory import Clock
from yubin.accounts.session import Claims, SessionSigner, SessionVerifier
from yubin.errors import Invalid, Unauthenticated

SECRET = b"s" * 32
CLOCK = Clock(1_794_000_000.5)
SIGNER = SessionSigner(SECRET, clock=CLOCK)
CLAIMS = {"sub": "id-1", "aud": "mailbox", "exp": 1_794_000_900, "quota": 5}


def verifier(*keys, **more):
    return SessionVerifier(keys or [SIGNER.public], clock=CLOCK, **more)


def refused(token, by=None):
    with pytest.raises(Unauthenticated) as failure:
        (by or verifier()).check(token)
    return failure.value.code == 535


def part_of(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def signed(header, claims, key=None):
    """A token with whatever header and claims, signed with our own key unless another is given."""
    if key is None:
        return jwt.encode({"alg": "Ed25519"} | header, claims, SIGNER._key, algorithms=["Ed25519"])
    text = b".".join(part_of(json.dumps(part).encode()) for part in (header, claims))
    return (text + b"." + part_of(key(text))).decode()


def test_a_token_says_whose_mailbox_it_opens():
    """Account, quota and end come back; a pod that has the same secret makes the same keys."""
    token = SIGNER.issue("id-1", 2**40)
    claims = Claims(account="id-1", quota=2**40, until=1_794_000_900)
    assert verifier().check(token) == claims
    other = SessionSigner(SECRET, clock=CLOCK)
    assert verifier(other.public).check(token) == claims
    assert verifier().check(other.issue("id-1", 2**40)) == claims
    assert len(SIGNER.public) == 32


def test_a_token_of_any_of_the_keys_holds():
    """While the secret is being changed both are valid; a key of neither is not."""
    old, new = SessionSigner(b"o" * 32, clock=CLOCK), SessionSigner(b"n" * 32, clock=CLOCK)
    both = verifier(old.public, new.public)
    assert both.check(old.issue("a", 0)).account == "a"
    assert both.check(new.issue("b", 0)).account == "b"
    assert refused(SIGNER.issue("c", 0), both)


def test_a_token_ends():
    """CASES F10: at its last second, also where it was checked before."""
    clock = Clock(1000.0)
    signer = SessionSigner(SECRET, lasts=60, clock=clock)
    token, by = signer.issue("id-1", 0), SessionVerifier([signer.public], clock=clock)
    clock.now = 1059.9
    assert by.check(token).until == 1060
    clock.now = 1060.0
    assert refused(token, by)
    assert not by._checked
    assert refused(token, SessionVerifier([signer.public], clock=clock))


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"aud": "api"},
        CLAIMS | {"aud": ["mailbox", "api"]},
        {k: v for k, v in CLAIMS.items() if k != "aud"},
        {k: v for k, v in CLAIMS.items() if k != "exp"},
        {k: v for k, v in CLAIMS.items() if k != "sub"},
        {k: v for k, v in CLAIMS.items() if k != "quota"},
        CLAIMS | {"sub": ""},
        CLAIMS | {"sub": 7},
        CLAIMS | {"quota": "7"},
        CLAIMS | {"quota": True},
        CLAIMS | {"exp": float("nan")},
        CLAIMS | {"exp": "9999999999"},
        {},
    ],
)
def test_a_token_for_another_purpose(claims):
    """CASES F10: signed by us, and yet not for a mailbox: refused."""
    assert verifier().check(signed({}, CLAIMS)).account == "id-1"
    assert refused(signed({}, claims))


def test_a_token_with_another_algorithm():
    """CASES F10: none, with and without a signature, and an HMAC whose key is our public one."""
    mac = lambda text: hmac.digest(SIGNER.public, text, sha256)  # noqa: E731
    assert refused(signed({"alg": "none"}, CLAIMS, lambda _: b""))
    assert refused(signed({"alg": "None"}, CLAIMS, SIGNER._key.private_key.sign))
    assert refused(signed({"alg": "HS256"}, CLAIMS, mac))
    assert refused(signed({"alg": "EdDSA"}, CLAIMS, SIGNER._key.private_key.sign))
    assert refused(signed({}, CLAIMS, SIGNER._key.private_key.sign))
    control = signed({"alg": "Ed25519"}, CLAIMS, SIGNER._key.private_key.sign)
    assert verifier().check(control).account == "id-1"


def test_a_token_of_somebody_elses_key():
    """CASES F10: also when it brings the key along (RFC 8725 3.10)."""
    stranger = Ed25519PrivateKey.generate()
    key = OKPKey.import_key(stranger.public_key()).as_dict()
    for more in ({}, {"jwk": key}, {"kid": "1"}, {"jku": "https://evil.example/k"}):
        assert refused(signed({"alg": "Ed25519"} | more, CLAIMS, stranger.sign))


@given(
    st.one_of(st.text(), st.lists(st.binary(), max_size=4).map(lambda parts: b".".join(map(part_of, parts))))
)
def test_what_is_no_token_at_all(text):
    """Nothing that is sent breaks more than itself."""
    assert refused(text if isinstance(text, str) else text.decode())


@pytest.mark.parametrize("header", [[], 7, None, "x", {"alg": None}, {"alg": ["Ed25519"]}, {"alg": {}}, {"crit": 1, "alg": "Ed25519"}, {"b64": False, "crit": ["b64"], "alg": "Ed25519"}])  # fmt: skip
@pytest.mark.parametrize("claims", [CLAIMS, [], None, 7])
def test_headers_and_claims_of_the_wrong_kind(header, claims):
    """JSON of any shape is refused as what it is."""
    assert refused(signed(header, claims, SIGNER._key.private_key.sign))


def test_every_changed_octet_is_seen():
    """And so is a token that was cut."""
    token = SIGNER.issue("id-1", 0)
    for at in range(0, len(token), 3):
        swapped = "A" if token[at] != "A" else "B"
        if at != len(token) - 1:  # the last character carries bits that mean nothing
            assert refused(token[:at] + swapped + token[at + 1 :])
        assert refused(token[:at])
    assert refused("x" * 1_000_000)
    assert refused("\ud800")


def test_checked_tokens_are_remembered_and_bounded(monkeypatch):
    """One signature is checked once; the table forgets the least recently used; it holds no token (CASES L8)."""
    by = verifier(entries=10)
    first = SIGNER.issue("id-0", 0)
    by.check(first)
    for n in range(1, 100):
        by.check(SIGNER.issue(f"id-{n}", 0))
        by.check(first)
    assert len(by._checked) == 10
    assert first not in repr(vars(by))
    calls = []
    monkeypatch.setattr(jwt, "decode", lambda *a, **k: calls.append(a))
    assert by.check(first).account == "id-0"
    assert calls == []


def test_a_key_that_is_none():
    with pytest.raises(Invalid):
        SessionVerifier([b"short"])
