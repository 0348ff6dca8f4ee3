"""DKIM keys: made, sealed, rotated, handed out."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from services.directory.keys import Keys
from services.directory.sealing import Seal, read_key
from tests.unit.accounts.directory import World
from yubin.auth import dkimkeys
from yubin.errors import Exists, Invalid, NotFound, Unavailable


@pytest.fixture
async def world():
    made = World(seal=b"k" * 32)
    await made.admin.create_tenant("acme")
    await made.admin.create_domain("acme", "a.example")
    yield made
    made.close()


def tags(text):
    return dict(part.strip().split("=", 1) for part in text.split(";"))


def test_an_rsa_record_is_what_a_verifier_reads():
    """RFC 6376 3.6.1: p= is the SubjectPublicKeyInfo of the private key; 2048 bits (RFC 8301 3.2)."""
    pair = dkimkeys.make("rsa-sha256")
    private = load_pem_private_key(pair.private_pem, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    found = tags(pair.text)
    assert (found["v"], found["k"]) == ("DKIM1", "rsa")
    assert load_der_public_key(base64.b64decode(found["p"])) == private.public_key()
    assert pair.private_pem.decode() not in repr(pair)


def test_an_ed25519_record_is_the_bare_key():
    """RFC 8463 4: 32 octets in base64."""
    pair = dkimkeys.make("ed25519-sha256")
    private = load_pem_private_key(pair.private_pem, None)
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    found = tags(pair.text)
    assert found["k"] == "ed25519"
    assert base64.b64decode(found["p"]) == private.public_key().public_bytes_raw()


def test_another_algorithm_is_refused():
    """rsa-sha1 above all (RFC 8301 3.1)."""
    for algorithm in ("rsa-sha1", "", "RSA-SHA256\r\n"):
        with pytest.raises(Invalid):
            dkimkeys.make(algorithm)


@pytest.mark.parametrize(
    "bad", ["", "-a", "a-", "a..b", ".a", "a b", "a\r\nb", "ä", "a" * 64, "_domainkey", "a;b", "$1"]
)
def test_a_selector_is_a_subdomain(bad):
    """CASES E16, RFC 6376 3.1: nothing else reaches a DNS name or a header."""
    with pytest.raises(Invalid):
        dkimkeys.check_selector(bad)
    assert dkimkeys.check_selector("Y202611.Tokyo") == "y202611.tokyo"


def test_a_name_that_dns_cannot_hold():
    """253 octets, with the selector and _domainkey."""
    with pytest.raises(Invalid):
        dkimkeys.record_name("y202611", ".".join(["x" * 60] * 4))


async def test_a_new_domain_signs_with_rsa_and_the_months_selector(world):
    """The record to publish belongs to the key that signs."""
    record = (await world.admin.get_domain("a.example")).dkim[0]
    assert (record.selector, record.algorithm, record.signing) == ("y202611", "rsa-sha256", True)
    assert record.name == "y202611._domainkey.a.example"
    (key,) = await world.keys.signing_keys("A.Example.")
    assert (key.domain, key.selector, key.algorithm) == ("a.example", "y202611", "rsa-sha256")
    public = load_pem_private_key(key.private_pem, None).public_key()
    assert load_der_public_key(base64.b64decode(tags(record.text)["p"])) == public


async def test_a_domain_that_is_not_ours_has_no_keys(world):
    """Nor has what is no domain at all."""
    for name in ("b.example", "sub.a.example", "", "a.example\r\n", "[192.0.2.1]"):
        assert await world.keys.signing_keys(name) == ()


async def test_rotation_takes_a_free_selector(world):
    """Of the month, numbered; a given one must be new."""
    changed = await world.admin.rotate_key("a.example")
    changed = await world.admin.rotate_key("a.example", "ed25519-sha256")
    changed = await world.admin.rotate_key("a.example", "ed25519-sha256", "Mine")
    assert [(r.selector, r.signing) for r in changed.dkim] == [
        ("mine", True),
        ("y202611-3", False),
        ("y202611-2", True),
        ("y202611", False),
    ]
    assert {k.selector for k in await world.keys.signing_keys("a.example")} == {"mine", "y202611-2"}
    with pytest.raises(Exists):
        await world.admin.rotate_key("a.example", "", "y202611")
    with pytest.raises(NotFound):
        await world.admin.rotate_key("b.example")


async def test_private_keys_rest_encrypted(world):
    """Nothing of the PEM is in the store; it opens for its domain and selector only, and with its key only."""
    (stored,) = await world.store.keys("a.example")
    (key,) = await world.keys.signing_keys("a.example")
    assert b"PRIVATE" not in stored.sealed
    assert key.private_pem[40:80] not in stored.sealed
    seal = Seal(b"k" * 32)
    assert seal.open(stored.sealed, "a.example", "y202611") == key.private_pem
    for other, domain, selector in (
        (seal, "b.example", "y202611"),
        (seal, "a.example", "y202612"),
        (Seal(b"l" * 32), "a.example", "y202611"),
        (Seal(None), "a.example", "y202611"),
    ):
        with pytest.raises(Unavailable):
            other.open(stored.sealed, domain, selector)
    with pytest.raises(Unavailable):
        seal.open(stored.sealed[:-1] + b"\0", "a.example", "y202611")
    with pytest.raises(Unavailable):
        seal.open(b"", "a.example", "y202611")


async def test_what_was_stored_before_a_key_was_set_is_still_read(world):
    """A seal key may be set later; the next rotation encrypts."""
    await world.store.add_key(await Keys(world.store, Seal(None)).make("a.example", selector="plain"))
    (key,) = await world.keys.signing_keys("a.example")
    assert key.private_pem.startswith(b"-----BEGIN PRIVATE KEY")


def test_two_seals_of_one_key_differ():
    """A nonce is used once."""
    seal = Seal(os.urandom(32))
    assert seal.close(b"pem", "a", "b") != seal.close(b"pem", "a", "b")


@pytest.mark.parametrize("bad", ["", "short", base64.b64encode(b"x" * 16).decode(), "!" * 44])
def test_a_seal_key_has_32_octets(bad):
    """Anything else ends the pod at start."""
    with pytest.raises(ValueError):
        read_key(bad)
