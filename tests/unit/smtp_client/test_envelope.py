"""The commands of an envelope, and what a peer announced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.smtp import envelope as said
from yubin.smtp.envelope import Capabilities, Envelope, Recipient, sound

ALL = Capabilities(eight_bit=True, utf8=True, dsn=True, requiretls=True, announces_size=True)


def test_capabilities_are_read_whatever_their_case():
    """RFC 5321 4.1.1.1: keywords are case-insensitive; the first line is the greeting; bad numbers are no limit."""
    lines = (
        b"PIPELINING is my name",
        b"size 1000",
        b"8bitMIME",
        b"AUTH=LOGIN",
        b"LIMITS MAILMAX=3 rcptmax=7 X",
        b"",
        b"\xff",
    )
    peer = Capabilities.parse(lines)
    assert not peer.pipelining
    assert (peer.announces_size, peer.size, peer.eight_bit) == (True, 1000, True)
    assert (peer.letters, peer.recipients) == (3, 7)
    for bad in (b"SIZE", b"SIZE x", b"SIZE -5", b"SIZE " + b"9" * 30):
        assert Capabilities.parse((b"x", bad)).size == 0


def test_parameters_are_said_only_where_understood():
    """SIZE, BODY, SMTPUTF8, REQUIRETLS, RET, ENVID, NOTIFY and ORCPT follow the peer's announcement."""
    envelope = Envelope(
        sender="a@b.test",
        recipients=(),
        size=5,
        eight_bit=True,
        utf8=True,
        requiretls=True,
        ret="FULL",
        envid="x+y",
    )
    recipient = Recipient(
        address="c@d.test", notify=frozenset({"FAILURE", "SUCCESS"}), orcpt="rfc822;c=@d.test"
    )
    assert said.mail(envelope, Capabilities()) == b"MAIL FROM:<a@b.test>\r\n"
    assert said.rcpt(recipient, Capabilities()) == b"RCPT TO:<c@d.test>\r\n"
    assert said.mail(envelope, ALL) == (
        b"MAIL FROM:<a@b.test> SIZE=5 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=FULL ENVID=x+2By\r\n"
    )
    assert (
        said.rcpt(recipient, ALL) == b"RCPT TO:<c@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c+3D@d.test\r\n"
    )


def test_null_reverse_path():
    """RFC 5321 4.5.5: a report is sent from <>."""
    assert said.mail(Envelope(sender="", recipients=(), size=1), Capabilities()) == b"MAIL FROM:<>\r\n"


def test_never_stands_alone():
    """RFC 3461 4.1: NEVER is not combined with others."""
    recipient = Recipient(address="c@d.test", notify=frozenset({"NEVER", "DELAY"}))
    assert said.rcpt(recipient, ALL) == b"RCPT TO:<c@d.test> NOTIFY=NEVER\r\n"


def test_utf8_original_recipient_travels_in_ascii():
    """RFC 6533 3: the utf-8 address type escapes what is not ASCII; an unsound type is left out."""
    recipient = Recipient(address="c@d.test", orcpt="utf-8;郵+@d.test")
    assert said.rcpt(recipient, ALL) == b"RCPT TO:<c@d.test> ORCPT=utf-8;\\x{90F5}\\x{2B}@d.test\r\n"
    assert said.rcpt(Recipient(address="c@d.test", orcpt="a b\r\n;x"), ALL) == b"RCPT TO:<c@d.test>\r\n"


@pytest.mark.parametrize(
    "good", ["a@b", "a.b+c@x.test", '"a b"@x.test', '"a\\"> b"@x', "郵便@例え.test", "a=b/c@x"]
)
def test_sound_addresses(good):
    """What RFC 5321 and RFC 6531 allow may be written."""
    assert sound(good)


@pytest.mark.parametrize(
    "bad",
    [
        "a",
        "@b",
        "a@",
        "a b@c",
        "a@b>",
        "<a@b",
        "a@b\r\nQUIT",
        'a"@b',
        '"a\r\n"@b',
        "a@b c",
        "a\0@b",
        "a@" + "b" * 320,
    ],
)
def test_unsound_addresses(bad):
    """CASES E16: nothing that could end a path or a command is sound."""
    assert not sound(bad)


@given(st.text(max_size=60))
def test_sound_address_makes_one_command(address):
    """Whatever is sound makes exactly one line with one path."""
    if sound(address):
        command = said.rcpt(Recipient(address=address), ALL)
        assert command.count(b"\r") == command.count(b"\n") == 1
        assert command.startswith(b"RCPT TO:<")
        assert command.endswith(b">\r\n")
