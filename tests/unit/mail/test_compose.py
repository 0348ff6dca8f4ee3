"""Letters made of fields and texts, read back by Python's email package."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yubin.errors import Invalid
from yubin.mail.compose import Mailbox, Texts, compose

ALICE = Mailbox.parse("Alice <alice@example.org>", "from")


def _read(texts: Texts):
    return email.message_from_bytes(compose(texts, boundary="=_b"), policy=email.policy.default)


def test_a_japanese_letter_arrives_as_it_was_written():
    """Subject, display name and both bodies in UTF-8, all lines ASCII and short."""
    texts = Texts(
        sender=Mailbox.parse("山田 太郎 <yamada@example.jp>", "from"),
        to=[Mailbox.parse("佐藤 <sato@example.jp>", "to"), Mailbox.parse("bob@example.net", "to")],
        subject="見積書のご送付について、よろしくお願いいたします。" * 3,
        text="こんにちは。\n郵便です。\n",
        html="<p>こんにちは</p>",
    )
    raw = compose(texts, boundary="=_b")
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    letter = _read(texts)
    assert letter["Subject"] == texts.subject
    assert letter["From"].addresses[0].display_name == "山田 太郎"
    assert [a.addr_spec for a in letter["To"].addresses] == ["sato@example.jp", "bob@example.net"]
    assert letter.get_content_type() == "multipart/alternative"
    assert letter.get_body(("plain",)).get_content().replace("\r\n", "\n") == texts.text
    assert letter.get_body(("html",)).get_content().strip() == texts.html


def test_plain_ascii_stays_readable():
    """No MIME dress where none is needed."""
    raw = compose(Texts(sender=ALICE, to=[ALICE], subject="hi", text="one\ntwo"), boundary="=_b")
    assert raw.endswith(b"Content-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\n")


def test_a_long_line_is_encoded():
    """RFC 5322 2.1.1: no line above 998 octets leaves."""
    raw = compose(Texts(sender=ALICE, text="x" * 5000), boundary="=_b")
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_nobody_named_is_undisclosed():
    """RFC 5322 3.6.3: a letter to Bcc only has a To that says so."""
    assert b"To: undisclosed-recipients:;\r\n" in compose(Texts(sender=ALICE), boundary="=_b")


HOSTILE = ["x\r\nBcc: victim@example.net", "x\nBcc: y", "x\rBcc: y", "x\0y", "x\u2028y", "y" * 3000]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("make", [
    lambda t: Texts(sender=ALICE, subject=t),
    lambda t: Texts(sender=Mailbox.parse(f"{t} <a@example.org>", "from")),
    lambda t: Texts(sender=ALICE, to=[Mailbox.parse(f"{t}@example.org", "to")]),
    lambda t: Texts(sender=ALICE, headers={"X-Note": t}),
    lambda t: Texts(sender=ALICE, headers={t: "x"}),
])  # fmt: skip
def test_no_text_can_add_a_field(text, make):
    """CASES E16: CR, LF, NUL and endless texts in any field that reaches the header are refused."""
    with pytest.raises(Invalid) as refused:
        compose(make(text), boundary="=_b")
    assert "\n" not in refused.value.text


@pytest.mark.parametrize(
    "name",
    ["From", "bcc", "Content-Type", "Received", "DKIM-Signature", "Resent-From", "a b", "a:b", "", "né"],
)
def test_fields_of_ours_cannot_be_set(name):
    with pytest.raises(Invalid):
        compose(Texts(sender=ALICE, headers={name: "x"}), boundary="=_b")


@pytest.mark.parametrize("text", ["", "nobody", "a@b@c", "<>", "a <b@c> d", "x <y>"])
def test_an_address_that_is_none_is_named(text):
    """The error says which input is meant."""
    with pytest.raises(Invalid, match="to\\[2\\]"):
        Mailbox.parse(text, "to[2]")


@given(st.text(max_size=200))
def test_any_text_comes_back(text):
    """Line ends are normalized and a last one is added; everything else survives."""
    expected = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    content = email.message_from_bytes(
        compose(Texts(sender=ALICE, text=text), boundary="=_b"), policy=email.policy.default
    )
    assert content.get_payload(decode=True).decode().replace("\r\n", "\n").removesuffix(
        "\n"
    ) == expected.removesuffix("\n")
