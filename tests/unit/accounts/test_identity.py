"""Who may send as whom."""

import pytest

from yubin.accounts.port import Credential, DkimKey, DkimRecord, Identity, Limits, SigningKey

ANNA = Identity(
    tenant="acme",
    account="1",
    login="anna@a.example",
    senders=frozenset({"anna@a.example", "info@a.example"}),
    sender_domains=frozenset({"all.example"}),
    limits=Limits(),
)


@pytest.mark.parametrize(
    "address",
    ["anna@a.example", "info@a.example", "anna+shop@a.example", "info+x+y@a.example", "anyone@all.example"],
)
def test_own_addresses(address):
    """CASES F5: one's own, one's aliases, their subaddresses (RFC 5233), and a catch-all's whole domain."""
    assert ANNA.owns(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@a.example",
        "bert@a.example",
        "anna@b.example",
        "anna@sub.a.example",
        "anna@sub.all.example",
        "+anna@a.example",
        "bert+anna@a.example",
        "anna",
        "anna@a.example@b.example",
        "x@all.example.evil.example",
        "a.example",
    ],
)
def test_other_peoples_addresses(address):
    """CASES F5: another's address of the same domain, another domain, the null path, and what only looks alike."""
    assert not ANNA.owns(address)


def test_secrets_are_not_shown():
    """CASES L8: no repr of a credential or a key holds the secret."""
    record = DkimRecord(selector="y1", algorithm="rsa-sha256", name="n", text="t", signing=True)
    shown = [
        repr(Credential(account="1", kind="argon2id", value="SECRET")),
        repr(SigningKey(domain="a.example", selector="y1", algorithm="rsa-sha256", private_pem=b"SECRET")),
        repr(DkimKey(domain="a.example", record=record, created=0, sealed=b"SECRET")),
    ]
    assert not [text for text in shown if "SECRET" in text]
