"""OAUTHBEARER (RFC 7628) and XOAUTH2: the RFC's examples, the JSON of a refusal, and what is none."""

import json

import pytest

from tests.unit.sasl.talk import talk
from yubin.errors import Failure, Unauthenticated, Unavailable
from yubin.sasl.mechanism import Bearer
from yubin.sasl.mechanisms import SERVER

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
RFC = f"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer {TOKEN}\x01\x01".encode()
GOOGLE = f"user=someuser@example.com\x01auth=Bearer {TOKEN}\x01\x01".encode()


def code(*args):
    with pytest.raises(Failure) as refused:
        talk(*args)
    return refused.value.code


def test_the_example_of_rfc_7628():
    """RFC 7628 4.1."""
    assert talk("OAUTHBEARER", [RFC]) == ([], [Bearer(login="user@example.com", token=TOKEN)], "somebody")


def test_no_name_is_whoever_the_token_names():
    """RFC 7628 3.1: the authzid may be absent; without an initial response it is asked for."""
    message = f"y,,\x01auth=bearer  {TOKEN}\x01\x01".encode()
    assert talk("OAUTHBEARER", [None, message]) == ([b""], [Bearer(login="", token=TOKEN)], "somebody")


def test_the_example_of_google():
    """The protocol that OAUTHBEARER grew out of."""
    assert talk("XOAUTH2", [GOOGLE]) == ([], [Bearer(login="someuser@example.com", token=TOKEN)], "somebody")


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("OAUTHBEARER", RFC, {"status": "invalid_token"}),
        ("XOAUTH2", GOOGLE, {"status": "401", "schemes": "bearer"}),
        ("OAUTHBEARER", b"n,,\x01\x01", {"status": "invalid_token"}),
        ("OAUTHBEARER", b"n,,\x01auth=\x01\x01", {"status": "invalid_token"}),
        ("OAUTHBEARER", b"n,,\x01auth=Basic abc\x01\x01", {"status": "invalid_token"}),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer " + b"a" * 32769 + b"\x01\x01", {"status": "invalid_token"}),
    ],
)
def test_a_token_that_does_not_hold(name, message, said):
    """RFC 7628 3.2.2, CASES F10: JSON first, then the client's dummy response, then 535."""
    steps = SERVER[name](message)
    step = next(steps)
    if isinstance(step, Bearer):
        step = steps.throw(Unauthenticated("no"))
    assert json.loads(step.octets) == said
    with pytest.raises(Unauthenticated):
        steps.send(b"\x01")


def test_that_we_cannot_check_it_is_said_at_once():
    """A temporary failure is no verdict about the token, and must not make the client throw it away."""

    def away(claim):
        raise Unavailable("away", code=454, enhanced="4.7.0")

    assert code("OAUTHBEARER", [RFC], away) == 454


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("OAUTHBEARER", b""),
        ("OAUTHBEARER", b"n,,"),
        ("OAUTHBEARER", b"n,,auth=Bearer x\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer x"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer x\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer \0\x01\x01"),
        ("OAUTHBEARER", b"n,a=x"),
        ("XOAUTH2", b""),
        ("XOAUTH2", b"auth=Bearer x\x01\x01"),
        ("XOAUTH2", b"user=a@a.test\x01"),
    ],
)
def test_what_is_no_message(name, message):
    """CASES F9: bad grammar is 501."""
    assert code(name, [message]) == 501


def test_channel_binding_is_refused():
    """RFC 5801 5: "p" insists on what we cannot do."""
    assert code("OAUTHBEARER", [b"p=tls-unique,,\x01auth=Bearer x\x01\x01"]) == 535


def test_a_token_is_never_shown():
    """CASES L8."""
    assert TOKEN not in repr(Bearer(login="a", token=TOKEN))
