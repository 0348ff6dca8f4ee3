"""Commands and their parameters: the RFC's values, or the RFC's replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.smtp import command, xtext
from yubin.smtp.command import Command

ALL = command.MAIL_PARAMETERS | {"SMTPUTF8", "REQUIRETLS"}


def refusal(run, *args, **kwargs):
    """``code enhanced`` of what it raises."""
    with pytest.raises(Invalid) as refused:
        run(*args, **kwargs)
    return f"{refused.value.code} {refused.value.enhanced}"


def obeyed(line):
    """None, or the code of the refusal, of a line that is read as each of the commands."""
    try:
        given_ = command.command(line)
        command.mail(given_.argument, ALL)
        command.rcpt(given_.argument, here="h.test", utf8=True)
    except Invalid as refused:
        return refused.code
    return None


def test_a_line_is_a_verb_and_its_argument():
    """RFC 5321 2.4: verbs in any case."""
    assert command.command(b"mail FROM:<a@b.test> ") == Command(verb="MAIL", argument="FROM:<a@b.test>")
    assert command.command(b"QUIT") == Command(verb="QUIT", argument="")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"", "500 5.5.2"),
        (b"\x80\xff", "500 5.5.2"),
        (b"A" * 100, "500 5.5.2"),
        (b"NOOP " + b"x" * (513 - 7), "500 5.5.2"),
        (b"MAIL FROM:<a@b.test> ENVID=" + b"x" * 1200, "500 5.5.2"),
        (b"AUTH PLAIN " + b"x" * 12300, "500 5.5.2"),
        (b"MAIL FROM:<a\0@b.test>", "501 5.5.2"),
        (b"NOOP \rMAIL", "501 5.5.2"),
        (b"MAIL FROM:<a\xff@b.test>", "501 5.5.2"),
    ],
)
def test_what_is_no_command(line, reply):
    """CASES E9 (513 octets: 500), E14 (NUL: 501)."""
    assert refusal(command.command, line) == reply


def test_the_longest_lines_are_the_rfcs():
    """512 octets with CRLF for a verb without extensions, 12288 for AUTH (RFC 4954 4)."""
    assert command.command(b"NOOP " + b"x" * (512 - 7)).verb == "NOOP"
    assert command.command(b"AUTH " + b"x" * (12288 - 7)).verb == "AUTH"


def test_mail_with_every_parameter():
    """RFC 1870, 6152, 6531, 3461, 4954, 8689."""
    read = command.mail(
        "FROM:<a@b.test> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By AUTH=<> REQUIRETLS", ALL
    )
    assert str(read.reverse_path) == "a@b.test"
    assert (read.size, read.body, read.utf8, read.ret, read.envid, read.auth, read.requiretls) == (
        1000, "8BITMIME", True, "HDRS", "x+y", "<>", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<>", None),
        ("from:<A.B@C.test>", "A.B@c.test"),
        ("FROM: <a@b.test>", "a@b.test"),
        ("FROM:a@b.test", "a@b.test"),
        ("FROM:<@hop.test,@hop2.test:a@b.test>", "a@b.test"),
        ('FROM:<"a b>"@c.test>', '"a b>"@c.test'),
        ("FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("FROM:<a@例え.テスト> SMTPUTF8", "a@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_reverse_paths(argument, address):
    """RFC 5321 4.1.2; a source route is ignored, two old slips are forgiven."""
    read = command.mail(argument, ALL)
    assert (str(read.reverse_path) if read.reverse_path else None) == address


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", "501 5.5.2"),
        ("TO:<a@b.test>", "501 5.5.2"),
        ("FROM:", "501 5.1.7"),
        ("FROM:<a@b.test", "501 5.1.7"),
        ("FROM:<a@b.test>x", "501 5.1.7"),
        ("FROM:<a>", "553 5.1.7"),
        ("FROM:<a@-.test>", "553 5.1.8"),
        ("FROM:<a@xn--a.test>", "553 5.1.8"),
        (f"FROM:<{'a' * 248}@b.test>", "501 5.1.7"),
        ("FROM:<a@b.test> SIZE=" + "1" + "0" * 20, "501 5.5.4"),
        ("FROM:<a@b.test> SIZE=-1", "501 5.5.4"),
        ("FROM:<a@b.test> SIZE=١", "553 5.6.7"),
        ("FROM:<a@b.test> SIZE=", "501 5.5.4"),
        ("FROM:<a@b.test> SIZE", "501 5.5.4"),
        ("FROM:<a@b.test> SIZE=1 SIZE=1", "501 5.5.4"),
        ("FROM:<a@b.test> BODY=BINARYMIME", "555 5.5.4"),
        ("FROM:<a@b.test> BODY=9BIT", "501 5.5.4"),
        ("FROM:<a@b.test> SMTPUTF8=1", "501 5.5.4"),
        ("FROM:<a@b.test> RET=ALL", "501 5.5.4"),
        ("FROM:<a@b.test> ENVID=a+2b", "501 5.5.4"),
        ("FROM:<a@b.test> ENVID=a+", "501 5.5.4"),
        ("FROM:<a@b.test> ENVID=+0D+0A", "501 5.5.4"),
        ("FROM:<a@b.test> ENVID=" + "x" * 101, "501 5.5.4"),
        ("FROM:<a@b.test> X-UNKNOWN=1", "555 5.5.4"),
        ("FROM:<a@b.test> =1", "501 5.5.4"),
        ("FROM:<ア@b.test>", "553 5.6.7"),
        ("FROM:<a@例え.test>", "553 5.6.7"),
    ],
)
def test_mail_that_is_refused(argument, reply):
    """CASES E14, I6: SIZE=10^20, duplicates, BINARYMIME, UTF-8 alone, a path of 257 octets, bad xtext."""
    assert refusal(command.mail, argument, ALL) == reply


def test_a_path_of_256_octets_is_the_longest():
    """CASES E14, RFC 5321 4.5.3.1.3: 257 is refused above, 256 is not."""
    assert command.mail(f"FROM:<{'a' * 247}@b.test>").reverse_path is not None


def test_no_parameter_without_ehlo():
    """RFC 5321 4.1.1.11: 555 for a parameter that was not offered."""
    assert refusal(command.mail, "FROM:<a@b.test> SIZE=1", frozenset()) == "555 5.5.4"


def test_rcpt_with_dsn_parameters():
    """RFC 3461 4.1, 4.2: NOTIFY and ORCPT, decoded."""
    read = command.rcpt("TO:<a@b.test> NOTIFY=success,DELAY ORCPT=RFC822;A+2Bx@b.test", here="h.test")
    assert read.notify == {"SUCCESS", "DELAY"}
    assert read.orcpt == "rfc822;A+x@b.test"


def test_postmaster_needs_no_domain():
    """RFC 5321 4.1.1.3: the one mailbox without a domain."""
    assert str(command.rcpt("TO:<Postmaster>", here="h.test").forward_path) == "Postmaster@h.test"


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("TO:<>", "553 5.1.3"),
        ("FROM:<a@b.test>", "501 5.5.2"),
        ("TO:<a@b.test> NOTIFY=NEVER,SUCCESS", "501 5.5.4"),
        ("TO:<a@b.test> NOTIFY=", "501 5.5.4"),
        ("TO:<a@b.test> ORCPT=a@b.test", "501 5.5.4"),
        ("TO:<a@b.test> ORCPT=rfc822;", "501 5.5.4"),
        ("TO:<a@b.test> ORCPT=rfc822;a=b", "501 5.5.4"),
        ("TO:<a@b.test> ORCPT=rfc822;a+0D+0Ab", "501 5.5.4"),
        ("TO:<a@b.test> ORCPT=utf-8;\\x{D800}", "501 5.5.4"),
        ("TO:<a@b.test> SIZE=1", "555 5.5.4"),
        ("TO:<ア@b.test>", "553 5.6.7"),
        ("TO:<a@" + "b" * 64 + ".test>", "553 5.1.2"),
    ],
)
def test_rcpt_that_is_refused(argument, reply):
    """CASES E14, I6, D11."""
    assert refusal(command.rcpt, argument, here="h.test") == reply


@pytest.mark.parametrize(
    ("argument", "reply"),
    [("", "501 5.5.2"), ("x", "501 5.5.2"), ("1 FIRST", "501 5.5.2"), ("9" * 21, "501 5.5.2")],
)
def test_bdat_that_is_refused(argument, reply):
    """RFC 3030 2."""
    assert refusal(command.bdat, argument) == reply


def test_bdat():
    """RFC 3030 2: LAST in any case."""
    assert command.bdat("86 last") == command.Bdat(size=86, last=True)


@pytest.mark.parametrize("argument", ["", "a b", "a\x01", "x" * 256, "ア"])
def test_a_client_must_call_itself_something(argument):
    """RFC 5321 4.1.1.1: one printable word; nothing more is asked of it."""
    assert refusal(command.helo, argument) == "501 5.5.2"


@given(st.text(min_size=1))
def test_xtext_survives_the_way_there_and_back(text):
    """RFC 3461 4."""
    assert xtext.decode(xtext.encode(text)) == text


def test_utf8_original_recipient():
    """RFC 6533 3: the embedded form of a character."""
    assert xtext.original_recipient(r"utf-8;\x{7528}\x{6237}@b.test") == "utf-8;用户@b.test"


@given(st.binary(max_size=200))
def test_no_octets_are_a_fault(octets):
    """CASES M6: whatever comes is a command or an Invalid."""
    for prefix in (b"", b"MAIL FROM:", b"RCPT TO:<", b"MAIL FROM:<a@b.test> "):
        assert obeyed(prefix + octets) in {None, 500, 501, 553, 555}
