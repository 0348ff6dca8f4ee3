"""Bearer tokens: what of a configured issuer holds, and all that does not."""

import json
import os

import pytest
from joserfc.jwk import ECKey, RSAKey
from structlog.testing import capture_logs

from services.directory.bearers import Bearers
from services.directory.issuer import Issuer, KeyFile
from tests.unit.accounts.directory import World
from tests.unit.accounts.tokens import (
    AUDIENCE,
    BARE,
    FOREIGN,
    ISSUER,
    KEYS,
    NOW,
    SYMMETRIC,
    confused,
    jwks,
    signed,
    token,
    unsigned,
)
from yubin.errors import Exhausted, Unauthenticated

PEER = {"peer": "192.0.2.1", "service": "imap"}


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "jwks.json"
    made.write_text(jwks())
    return made


def issuer(file, claim="email", now=NOW):
    return Issuer(issuer=ISSUER, audience=AUDIENCE, claim=claim, keys=KeyFile(file).keys, clock=lambda: now)


@pytest.fixture
async def world(file):
    made = World()
    await made.people("anna@a.example", "bert@a.example")
    made.bearers = Bearers(made.store, made.door, issuer(file), clock=lambda: NOW)
    yield made
    made.close()


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_each_algorithm_that_is_taken(file, algorithm):
    """RFC 7518 3.1, RFC 9864: with a kid, and without one."""
    for header in ({}, {"kid": None}, {"typ": "at+jwt"}, {"typ": None}):
        found = issuer(file).check(token(algorithm, header=header))
        assert (found.name, found.until) == ("anna@a.example", NOW + 300)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"aud": ["other", "others"]},
        {"aud": None},
        {"aud": "YUBIN"},
        {"iss": "https://login.example/"},
        {"iss": None},
        {"exp": int(NOW) - 61},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"nbf": int(NOW) + 61},
        {"iat": int(NOW) + 61},
        {"email": None},
        {"email": ["anna@a.example"]},
        {"email": ""},
        {"email_verified": False},
        {"email_verified": "true"},
    ],
)
def test_claims_that_do_not_hold(file, changes):
    """CASES F10: another audience or issuer, too late or too early, no address, or one that nobody has verified."""
    with pytest.raises(Unauthenticated):
        issuer(file).check(token(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["other", AUDIENCE]},
        {"exp": int(NOW) - 59},
        {"nbf": int(NOW) + 59},
        {"email_verified": True},
        {"exp": NOW + 0.5},
    ],
)
def test_claims_that_do(file, changes):
    """RFC 7519 4.1: one of several audiences; clocks differ by up to a minute."""
    assert issuer(file).check(token(**changes)).name == "anna@a.example"


@pytest.mark.parametrize(
    "made",
    [
        unsigned({"alg": "none"}),
        unsigned({"alg": "None", "kid": "r"}),
        unsigned({"alg": "RS256", "kid": "r"}),
        unsigned({"alg": ["RS256"]}),
        unsigned({}),
        unsigned([]),
        confused(KEYS["RS256"].as_pem(private=False)),
        token("HS256", key=SYMMETRIC),
        token("RS256", key=FOREIGN),
        token("RS256", header={"kid": "e"}),
        token("RS256", header={"typ": "logout+jwt"}),
        token("RS512", key=KEYS["RS256"]),
        token("RS256", key=BARE),
        token()[:-4],
        token().replace(".", "..", 1),
        "a.b.c",
        "a.b.c.d.e",
        "..",
        "",
        "é.é.é",
        "x" * 33_000,
        "W1tb" * 2000 + ".e30.x",  # [[[ …
    ],
)
def test_what_is_signed_by_nobody_that_we_trust(file, made):
    """CASES F10: "none", an HMAC with a public key, a foreign key, another algorithm than the key's, no token at all."""
    with pytest.raises(Unauthenticated), capture_logs() as logs:
        issuer(file).check(made)
    assert not made or made[:200] not in str(logs)


def test_a_token_with_many_groups(file):
    """What other people's issuers make: sixteen thousand characters and more."""
    groups = [f"group-{n:032d}" for n in range(400)]
    made = token(groups=groups)
    assert 16_000 < len(made) < 32_768
    assert issuer(file).check(made).name == "anna@a.example"


def test_critical_extensions_are_not_ignored(file):
    """RFC 7515 4.1.11."""
    assert issuer(file).check(signed({})).name == "anna@a.example"
    with pytest.raises(Unauthenticated):
        issuer(file).check(signed({"crit": ["x"], "x": 1}))


def test_keys_are_read_again_when_the_file_changes(file):
    """A rotation is a new file; one that cannot be read changes nothing."""
    trust = issuer(file)
    new = RSAKey.generate_key(2048, {"kid": "new"})
    with pytest.raises(Unauthenticated):
        trust.check(token(key=new))
    replacement = file.with_suffix(".new")
    replacement.write_text(jwks(new))
    os.replace(replacement, file)
    assert trust.check(token(key=new)).name == "anna@a.example"
    with pytest.raises(Unauthenticated):
        trust.check(token())
    for broken in ("{", "[]", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "YWJj"}]}'):
        file.write_text(broken)
        with capture_logs() as logs:
            assert trust.check(token(key=new)).name == "anna@a.example"
        assert logs[0]["log_level"] == "warning"
    file.unlink()
    assert trust.check(token(key=new)).name == "anna@a.example"


@pytest.mark.parametrize("content", ["", "{}", '{"keys": 1}', '{"keys": []}'])
def test_a_pod_does_not_start_without_keys(tmp_path, content):
    """The operator hears of it at once."""
    (tmp_path / "jwks.json").write_text(content)
    with pytest.raises(ValueError, match=r"JWKS|key"):
        KeyFile(tmp_path / "jwks.json")
    with pytest.raises(OSError):
        KeyFile(tmp_path / "absent.json")


def test_keys_for_something_else_are_not_used(tmp_path):
    """For encryption, of another curve, or symmetric."""
    made = tmp_path / "jwks.json"
    usable = KEYS["ES256"].as_dict(private=False)
    others = [
        RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"}).as_dict(private=False),
        ECKey.generate_key("P-384", {"kid": "p384"}).as_dict(private=False),
        SYMMETRIC.as_dict(private=True),
    ]
    made.write_text(json.dumps({"keys": [usable, *others]}))
    found = KeyFile(made).keys()
    assert [key.kid for key in found] == ["e"]


async def test_the_address_is_an_account_of_ours(world):
    """And the client may name nobody else."""
    found, lasts = await world.bearers.token("Anna@A.example", token(), **PEER)
    assert (found.login, lasts) == ("anna@a.example", 300.0)
    assert (await world.bearers.token("", token(), **PEER))[0].login == "anna@a.example"
    await world.admin.update_account("bert@a.example", enabled=False)
    for login, made in (
        ("bert@a.example", token()),
        ("x", token()),
        ("", token(email="nobody@a.example")),
        ("", token(email="bert@a.example")),
        ("", token(email="anna")),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await world.bearers.token(login, made, **PEER)
        assert str(refused.value) == "535 5.7.8 Authentication credentials invalid"


@pytest.mark.parametrize("claim", ["preferred_username", "sub"])
async def test_the_claim_is_a_setting(world, file, claim):
    """Providers differ in where the address is."""
    bearers = Bearers(world.store, world.door, issuer(file, claim), clock=lambda: NOW)
    made = token(email=None, **{claim: "anna@a.example"})
    assert (await bearers.token("", made, **PEER))[0].login == "anna@a.example"


async def test_without_an_issuer_no_token_is_taken(world):
    """The default."""
    with pytest.raises(Unauthenticated):
        await Bearers(world.store, world.door, None).token("", token(), **PEER)


async def test_failures_count_against_the_client_only(world):
    """CASES F7: an attacker is throttled, and the user elsewhere is not; nor can a login be locked by bad tokens."""
    outcomes = {Unauthenticated: 0, Exhausted: 0}
    for _ in range(60):
        with pytest.raises((Unauthenticated, Exhausted)) as failure:
            await world.bearers.token("anna@a.example", "a.b.c", **PEER)
        outcomes[type(failure.value)] += 1
    assert outcomes == {Unauthenticated: 20, Exhausted: 40}
    assert await world.bearers.token("", token(), peer="192.0.2.9", service="imap")
    assert await world.check("anna@a.example", peer="192.0.2.9")


async def test_tokens_are_not_logged(world):
    """CASES L8: why it was refused is, by the name of the claim."""
    made = token(aud="other")
    with capture_logs() as logs, pytest.raises(Unauthenticated):
        await world.bearers.token("anna@a.example", made, **PEER)
    assert [entry.get("why") for entry in logs] == ["aud", None]
    assert made[-40:] not in str(logs)
    assert "anna" not in str(logs)
