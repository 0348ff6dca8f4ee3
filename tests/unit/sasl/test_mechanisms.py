"""PLAIN and LOGIN: credentials from any dialogue that the RFC allows, the RFC's reply to any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sasl.talk import talk
from yubin.errors import Failure
from yubin.sasl.mechanism import Challenge, Credentials, Offer, decode
from yubin.sasl.mechanisms import SERVER, chosen

ALICE = Credentials(login="alice@a.test", password="pässword")


def refusal(run, *args, **kwargs):
    """The code of what it raises."""
    with pytest.raises(Failure) as refused:
        run(*args, **kwargs)
    return refused.value.code


def test_plain_in_an_initial_response():
    """RFC 4616 2."""
    assert talk("PLAIN", ["\0alice@a.test\0pässword".encode()]) == ([], [ALICE], "somebody")


def test_plain_after_an_empty_challenge():
    """RFC 4954 4: no initial response, so the server asks for it with "334 "."""
    said = talk("PLAIN", [None, "alice@a.test\0alice@a.test\0pässword".encode()])
    assert said == ([b""], [ALICE], "somebody")
    assert Challenge(octets=b"").line() == b"334 "


def test_login_asks_twice():
    """The dialogue that Outlook speaks."""
    said = talk("LOGIN", [None, b"alice@a.test", "pässword".encode()])
    assert said == ([b"Username:", b"Password:"], [ALICE], "somebody")
    assert Challenge(octets=said[0][0]).line() == b"334 VXNlcm5hbWU6"


def test_login_with_the_name_in_the_initial_response():
    """Some clients give it with the command."""
    said = talk("LOGIN", [b"alice@a.test", "pässword".encode()])
    assert said == ([b"Password:"], [ALICE], "somebody")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", 501),
        (b"alice", 501),
        (b"\0alice\0pass\0word", 501),
        (b"\0\0", 535),
        (b"\0alice\0", 535),
        (b"\0\0pass", 535),
        (b"bob\0alice\0pass", 535),
        (b"\0alice\0\xff\xfe", 535),
        (b"\0alice\0" + b"x" * 1025, 535),
    ],
)
def test_plain_that_is_refused(message, code):
    """CASES F9: empty, too few and too many NULs, another's name, no UTF-8, too long."""
    assert refusal(talk, "PLAIN", [message]) == code


@pytest.mark.parametrize("response", [b"", b"a\0b", b"\xff", b"x" * 1025])
def test_login_that_is_refused(response):
    """CASES F9: an empty name, NUL, no UTF-8."""
    assert refusal(talk, "LOGIN", [response]) == 535


@pytest.mark.parametrize("text", ["*", "=", "a", "a===", "é", "YQ==\n", "YQ==x", "!!!!"])
def test_what_is_no_base64(text):
    """CASES F9: 501, also for the cancelling asterisk (RFC 4954 4)."""
    assert refusal(decode, text) == 501


def test_more_base64_than_any_mechanism_needs():
    """CASES F9: more than 64 KiB is not decoded; SMTP lets in 12288 octets only (RFC 4954 4)."""
    assert decode("A" * 65536) == bytes(49152)
    assert refusal(decode, "A" * 65540) == 500


def test_an_initial_response_of_no_octets():
    """RFC 4954 4: "=" there, and only there."""
    assert decode("=", initial=True) == b""


def test_a_password_is_never_shown():
    """CASES L8: not even by a debugger's repr."""
    assert "pässword" not in repr(ALICE)


def test_which_are_announced_is_a_setting():
    """In the order given, each once; a name that is none is named by the error."""
    assert chosen(" scram-sha-256 PLAIN plain ") == ("SCRAM-SHA-256", "PLAIN")
    for wrong in ("", "PLAIN CRAM-MD5"):
        with pytest.raises(ValueError, match="OAUTHBEARER"):
            chosen(wrong)


responses = st.lists(
    st.binary(max_size=60) | st.from_regex(rb"n,,n=[a-z=]{0,5},r=[a-z]{1,5}(,.*)?"), min_size=9
)


@given(st.sampled_from(sorted(SERVER)), st.none() | st.binary(max_size=60), responses)
def test_any_responses_end_in_an_answer_or_a_reply(name, initial, rest):
    """CASES M6: no dialogue is a fault of ours."""

    def world(claim):
        return Offer(message=b"r=x", state=b"") if type(claim).__name__ == "ScramFirst" else _Proof()

    try:
        talk(name, [initial, *rest], world)
    except Failure as refused:
        assert refused.code in {501, 535}  # noqa: PT017 - any of many may raise


class _Proof:
    message, who = b"v=", "somebody"
