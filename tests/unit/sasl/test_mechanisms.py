"""PLAIN and LOGIN: credentials from any dialogue that the RFC allows, the RFC's reply to any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Failure
from yubin.sasl.mechanism import Challenge, Credentials, decode
from yubin.sasl.mechanisms import SERVER

ALICE = Credentials(login="alice@a.test", password="pässword")


def refusal(run, *args, **kwargs):
    """The code of what it raises."""
    with pytest.raises(Failure) as refused:
        run(*args, **kwargs)
    return refused.value.code


def outcome(mechanism, responses):
    """None, or the code of the refusal, after as many responses as it wants."""
    try:
        for response in responses:
            if isinstance(mechanism.respond(response), Credentials):
                break
    except Failure as refused:
        return refused.code
    return None


def test_plain_in_an_initial_response():
    """RFC 4616 2."""
    assert SERVER["PLAIN"]().respond("\0alice@a.test\0pässword".encode()) == ALICE


def test_plain_after_an_empty_challenge():
    """RFC 4954 4: no initial response, so the server asks for it with "334 "."""
    mechanism = SERVER["PLAIN"]()
    challenge = mechanism.respond(None)
    assert isinstance(challenge, Challenge)
    assert challenge.line() == b"334 "
    assert mechanism.respond("alice@a.test\0alice@a.test\0pässword".encode()) == ALICE


def test_login_asks_twice():
    """The dialogue that Outlook speaks."""
    mechanism = SERVER["LOGIN"]()
    assert mechanism.respond(None).line() == b"334 VXNlcm5hbWU6"
    assert mechanism.respond(b"alice@a.test").line() == b"334 UGFzc3dvcmQ6"
    assert mechanism.respond("pässword".encode()) == ALICE


def test_login_with_the_name_in_the_initial_response():
    """Some clients give it with the command."""
    mechanism = SERVER["LOGIN"]()
    assert mechanism.respond(b"alice@a.test").line() == b"334 UGFzc3dvcmQ6"


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
    assert refusal(SERVER["PLAIN"]().respond, message) == code


@pytest.mark.parametrize("response", [b"", b"a\0b", b"\xff", b"x" * 1025])
def test_login_that_is_refused(response):
    """CASES F9: an empty name, NUL, no UTF-8."""
    assert refusal(SERVER["LOGIN"]().respond, response) == 535


@pytest.mark.parametrize("text", ["*", "=", "a", "a===", "é", "YQ==\n", "YQ==x", "!!!!"])
def test_what_is_no_base64(text):
    """CASES F9: 501, also for the cancelling asterisk (RFC 4954 4)."""
    assert refusal(decode, text) == 501


def test_an_initial_response_of_no_octets():
    """RFC 4954 4: "=" there, and only there."""
    assert decode("=", initial=True) == b""


def test_a_password_is_never_shown():
    """CASES L8: not even by a debugger's repr."""
    assert "pässword" not in repr(ALICE)


@given(st.sampled_from(sorted(SERVER)), st.lists(st.one_of(st.none(), st.binary(max_size=60)), max_size=4))
def test_any_responses_end_in_credentials_or_a_reply(name, responses):
    """CASES M6: no dialogue is a fault of ours."""
    assert outcome(SERVER[name](), responses) in {None, 501, 535}
