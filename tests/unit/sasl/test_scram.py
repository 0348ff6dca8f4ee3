"""SCRAM-SHA-256: the vectors of RFC 7677, the grammar of RFC 5802, and a client written from it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sasl.scram_client import ScramClient
from tests.unit.sasl.talk import talk
from yubin.errors import Failure
from yubin.sasl import scram
from yubin.sasl.mechanism import Offer, Proven, ScramFinal, ScramFirst
from yubin.sasl.scram import ClientFinal, ClientFirst, Verifier

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
OFFERED = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
VERIFIER = Verifier.of("pencil", SALT, 4096)


def proof(final, *, first=FIRST, offered=OFFERED, verifier=VERIFIER):
    return scram.proven(verifier, ClientFirst.parse(first), offered, ClientFinal.parse(final))


def code(run, *args):
    with pytest.raises(Failure) as refused:
        run(*args)
    return refused.value.code


def test_the_vector_of_rfc_7677():
    """RFC 7677 3: each message is the one in the example."""
    first = ClientFirst.parse(FIRST)
    assert (first.username, first.gs2.header, first.gs2.authzid) == ("user", b"n,,", "")
    assert scram.server_first(first, SERVER_NONCE, VERIFIER) == OFFERED
    assert proof(FINAL) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_verifier_is_written_as_rfc_5803_says():
    """And read again; its secret parts are not shown."""
    written = str(VERIFIER)
    assert written.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert Verifier.parse(written) == VERIFIER
    assert base64.b64encode(VERIFIER.stored_key).decode() not in repr(VERIFIER)
    assert "stored" not in repr(VERIFIER)


@pytest.mark.parametrize(
    "final",
    [
        FINAL.replace(b"$k0,", b"$k1,"),  # another nonce
        FINAL.replace(b"$k0,", b","),  # a part of it
        FINAL.replace(b"c=biws", b"c=eSws"),  # another gs2-header: somebody took our -PLUS away
        FINAL.replace(b"p=dHz", b"p=dHy"),
        FINAL[: FINAL.rindex(b"p=")] + b"p=YQ==",
        FINAL[: FINAL.rindex(b"p=")] + b"p=",
        FINAL.replace(b",p=", b",x=more,p="),  # what was signed is another message
    ],
)
def test_what_proves_nothing(final):
    """CASES F10: another nonce, header, proof or message."""
    assert proof(final) is None


def test_a_proof_is_good_for_one_exchange():
    """CASES F10: the same proof in the next exchange, whose nonce of ours is another, proves nothing."""
    again = scram.server_first(ClientFirst.parse(FIRST), b"fresh", VERIFIER)
    assert proof(FINAL, offered=again) is None


@pytest.mark.parametrize("flag", ["n,,", "y,,", "n,a=alice@a.test,"])
def test_the_flags_that_a_client_may_send(flag):
    """RFC 5802 6: "y" is right while no -PLUS is offered; the header is a part of what is signed."""
    client = ScramClient("alice@a.test", "pencil", gs2=flag)
    offered = scram.server_first(ClientFirst.parse(client.first()), b"ours", VERIFIER)
    final = client.final(offered)
    said = proof(final, first=client.first(), offered=offered)
    assert client.trusts(said)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (b"p=tls-unique,,n=u,r=abc", 535),
        (b"p=tls-exporter,,n=u,r=abc", 535),
        (b"n,,m=ext,n=u,r=abc", 501),
        (b"", 501),
        (b"n,,", 501),
        (b"n,n=u,r=abc", 501),
        (b"x,,n=u,r=abc", 501),
        (b"n,u,n=u,r=abc", 501),
        (b"n,a=,n=u,r=abc", 501),
        (b"n,,n=,r=abc", 501),
        (b"n,,n=u", 501),
        (b"n,,r=abc,n=u", 501),
        (b"n,,n=u,r=", 501),
        (b"n,,n=u,r=a b", 501),
        (b"n,,n=u,r=" + b"a" * 257, 501),
        (b"n,,n=u=2c,r=abc", 501),
        (b"n,,n=u=,r=abc", 501),
        (b"n,,n=\xff,r=abc", 501),
        (b"n,,n=u\0,r=abc", 501),
        (b"n,,n=u,r=abc,,", 501),
        (b"n,,n=" + b"u" * 3000 + b",r=abc", 501),
    ],
)
def test_first_messages_that_are_refused(message, reply):
    """CASES F9, RFC 5802 5.1: channel binding that we cannot do, extensions that must be understood, bad grammar."""
    assert code(ClientFirst.parse, message) == reply


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"c=biws,r=abc",
        b"r=abc,c=biws,p=YQ==",
        b"c=biws,p=YQ==",
        b"c=!!,r=abc,p=YQ==",
        b"c=biws,r=abc,p=!",
        b"c=biws,r=abc,p=" + b"A" * 4000,
    ],
)
def test_final_messages_that_are_refused(message):
    """CASES F9: an absent part, bad base64, too much."""
    assert code(ClientFinal.parse, message) == 501


def test_a_name_with_a_comma_and_an_equals_sign():
    """RFC 5802 5.1: =2C and =3D stand for them."""
    client = ScramClient('"a,b=c"@a.test', "pencil")
    assert ClientFirst.parse(client.first()).username == '"a,b=c"@a.test'


@pytest.mark.parametrize(
    ("typed", "other"),
    [("ｐｅｎｃｉｌ", "pencil"), ("pen\u00adcil", "pencil"), ("a\u00a0b", "a b"), ("Ⅸ", "IX"), ("ª", "a")],
)
def test_passwords_are_prepared(typed, other):
    """RFC 4013 3: what looks alike is one password; the client comes to the same octets."""
    assert Verifier.of(typed, SALT, 4096) == Verifier.of(other, SALT, 4096)


@pytest.mark.parametrize("odd", ["🐎 battery", "\u0627\u0031", "bell\u0007"])
def test_a_password_that_the_profile_forbids_is_taken_as_it_is(odd):
    """A password that works elsewhere works here too."""
    assert Verifier.of(odd, SALT, 4096) != Verifier.of("", SALT, 4096)


def test_the_whole_dialogue():
    """Four messages and the client's empty last word; the mechanism looks into none of them."""

    def world(claim):
        if isinstance(claim, ScramFirst):
            assert claim.message == FIRST
            return Offer(message=OFFERED, state=b"sealed")
        assert claim == ScramFinal(message=FINAL, state=b"sealed")
        return Proven(message=b"v=x", who="anna")

    challenges, _, who = talk("SCRAM-SHA-256", [None, FIRST, FINAL, b""], world)
    assert (challenges, who) == ([b"", OFFERED, b"v=x"], "anna")
    assert code(talk, "SCRAM-SHA-256", [FIRST, FINAL, b"more"], world) == 501
    assert code(talk, "SCRAM-SHA-256", [b"n" * 3000], world) == 501


@given(st.binary(max_size=80))
def test_any_octets(octets):
    """CASES M6: a message is parsed or refused, never a fault of ours."""
    for parse in (ClientFirst.parse, ClientFinal.parse):
        try:
            parse(octets)
        except Failure as refused:
            assert refused.code in {501, 535}  # noqa: PT017
