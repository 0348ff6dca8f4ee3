"""Words: what a letter is found by and what a query asks for fit together."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mail.timing import within
from yubin.mail import words
from yubin.mail.mime import parse
from yubin.mail.words import QueryWord, query, tokens


def finds(asked: str, text: str) -> bool:
    """As the index answers it."""
    known = tokens(text)
    wanted = query(asked)
    return bool(wanted) and all(
        any(word.startswith(one.text) for word in known) if one.prefix else one.text in known
        for one in wanted
    )


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("hello", "Hello, World"),
        ("wor", "Hello, World"),
        ("hello wor", "Hello, World"),
        ("strasse", "Straße"),
        ("ＡＢＣ", "abc"),
        ("１２３", "123"),
        ("東京", "私は東京タワーへ"),
        ("京タ", "私は東京タワーへ"),
        ("東", "私は東京タワーへ"),
        ("へ", "私は東京タワーへ"),
        ("サーバー", "サーバの移行"),
        ("サーバ", "サーバーの移行"),
        ("ｻｰﾊﾞｰ", "サーバー"),
        ("さーばー", "サーバー"),
        ("サーバ－", "サーバー"),
        ("ユ―ザ―", "ユーザー"),
        ("ガギグ", "ｶﾞｷﾞｸﾞ"),
        ("が", "か\u3099"),
        ("キャノン", "キヤノン"),
        ("한국", "한국어로"),
        ("株式会社", "㍿"),
        ("5月", "５月１日"),
        ("Tシャツ", "ＴシャツとＧパン"),
        ("taro.yamada@example.co.jp", "宛先は<taro.yamada@example.co.jp>です"),
        ("yamada@example.co.jp", "taro.yamada@example.co.jp"),
        ("taro", "taro.yamada@example.co.jp"),
        ("example.co", "taro.yamada@example.co.jp"),
        ("example", "https://www.example.com/path"),
        ("don't", "I don’t know"),
        ("x" * 200, "x" * 200),
        ("हिन्दी", "यह हिन्दी है"),
        ("ไทย", "ภาษาไทยครับ"),
        ("𠮷野", "𠮷野家"),
    ],
)
def test_found(asked, text):
    """Case, width, kana, sound marks, parts of addresses, one character, beginnings of words."""
    assert finds(asked, text)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("ello", "Hello"),
        ("hello x", "hello"),
        ("hel wor", "hello world"),
        ("京東", "東京"),
        ("都", "東京"),
        ("", "x"),
        ("!?", "!?"),
    ],
)
def test_not_found(asked, text):
    """Only the last word may go on; order within a pair counts; without words there is nothing to find by."""
    assert not finds(asked, text)


def test_what_a_query_asks():
    """Pairs exactly, the last word as a beginning."""
    assert query("東京タワ foo bar") == [
        QueryWord("東京", False),
        QueryWord("京た", False),
        QueryWord("たわ", False),
        QueryWord("foo", False),
        QueryWord("bar", True),
    ]
    assert query("東") == [QueryWord("東", True)]
    assert query("bar ") == [QueryWord("bar", False)]


@given(
    st.text("あアーｱ漢字 ab1.@-\u0301한がﾞ", max_size=20),
    st.text("アー漢 b.@", max_size=10),
    st.text("いイ漢 c@", max_size=10),
)
def test_a_whole_word_or_run_is_always_found(middle, before, behind):
    """Text that stands by itself is found by itself, whatever stands around it."""
    assert not query(middle) or finds(middle, f"{before} | {middle} | {behind}")


LETTERS = st.text("あいうアイウ漢字東京", min_size=2, max_size=12)


@given(LETTERS, st.data())
def test_any_piece_of_japanese_is_found(text, data):
    """Two characters and more, wherever they stand."""
    start = data.draw(st.integers(0, len(text) - 2))
    stop = data.draw(st.integers(start + 2, len(text)))
    assert finds(text[start:stop], text)


@given(st.text(max_size=100))
def test_words_can_be_stored(text):
    """At most 64 characters, without white space and controls (yubin.mailboxes.port.Indexed), folded once and for all."""
    for word in tokens(text):
        assert 1 <= len(word) <= words.WORD_LIMIT
        assert not any(c.isspace() or ord(c) < 32 for c in word)


def indexed(raw: bytes) -> words.Words:
    return words.words(raw, parse(raw))


def test_header_and_body_are_told_apart():
    """SEARCH SUBJECT and SEARCH BODY ask for different words; trace fields are not indexed."""
    found = indexed(
        b"Subject: =?utf-8?B?5p2x5Lqs?= apple\r\nReceived: from pear\r\nX-Own: plum\r\n\r\nbanana"
    )
    assert {"東京", "apple", "plum"} <= found.header
    assert "pear" not in found.header
    assert found.body == {"banana"}
    assert words.indexed("Subject")
    assert not words.indexed("RECEIVED")
    assert not words.indexed("ARC-Seal")


def test_attachments_and_letters_inside_count():
    """Names of files, and header and text of message/rfc822; the octets of other parts do not."""
    found = indexed(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%E8%A6%8B%E7%A9%8D.pdf\r\n\r\nsecret\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: eve@example.org\r\nX-Y: unseen\r\n\r\n"
        b"deep <b>text</b>\r\n--b\r\nContent-Type: text/html\r\n\r\n<p title=unseen>shown</p>\r\n--b--\r\n"
    )
    assert {"見積", "pdf", "inner", "eve@example.org", "deep", "text", "shown"} <= found.body
    assert not {"secret", "unseen"} & found.body


def test_the_words_of_a_letter_are_bounded():
    """Twenty thousand words, of two MiB of text, whatever comes."""
    text = b" ".join(b"w%d" % i for i in range(600_000))
    raw = b"Content-Type: text/plain\r\n\r\n" + text
    tracemalloc.start()
    try:
        found = indexed(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.body) == words.WORDS
    assert peak < 48 * 1024 * 1024


def test_a_normalization_bomb_is_bounded():
    """CASES G9: one character that becomes eighteen, and marks without end."""
    rng = random.Random(1)
    marks = "a" + "".join(rng.choice("\u0315\u0300\u0316") for _ in range(200_000))
    assert within(10, lambda: tokens("\ufdfa" * 2_000_000))
    assert within(0.5, lambda: tokens(marks))
